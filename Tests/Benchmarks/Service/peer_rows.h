// The peer's rows in memory: plain structs, no protobuf. They are read once from a recorded reply, and on every call
// the generated classes are filled from them, as an ordinary gRPC service does. The figures are ready in the rows: the
// peer computes nothing but percentages.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "partner/insights/v1/insights_service.pb.h"

namespace peer {

namespace pb = partner::insights::v1;

struct RatioRow {
    pb::RatioDefinition definition;
    int64_t numerator, denominator;
};

struct LicenseRow {
    std::optional<int64_t> sold, entitled, trial, uncounted, assigned, assigned_unsold, assigned_lower, assigned_upper;
    pb::Attribution attribution;
    std::optional<RatioRow> deployment;
};

struct UsageRow {
    int64_t active_users;
    std::optional<int64_t> total_users, entitlements;
    std::optional<RatioRow> usage, usage_per_entitlement;
    std::string window_start, window_end;
};

struct SkuRow {
    std::string id, name;
    LicenseRow licenses;
};

struct WorkloadRow {
    std::string code, name;
    UsageRow usage;
};

struct ProductRow {
    pb::Product product;
    LicenseRow licenses;
    std::vector<SkuRow> skus;
    std::optional<UsageRow> usage;
    std::vector<WorkloadRow> workloads;
};

struct SourceRow {
    pb::Source source;
    pb::CoverageStatus status;
    std::string through;
};

struct WorkloadCoverageRow {
    std::string code;
    pb::CoverageStatus status;
    std::string through;
};

struct CustomerRow {
    std::string id, name, as_of;
    pb::LicenseScope scope;
    std::vector<ProductRow> products;
    std::vector<SourceRow> sources;
    std::vector<WorkloadCoverageRow> workload_coverage;
    // Of the reply, not of the customer.
    uint64_t revision = 0;
};

struct ComparisonRow {
    pb::Product product;
    std::string sku_id, sku_name;
    LicenseRow own, all_partners;
    std::optional<int64_t> direct_sold, other_partners_sold, unknown_sold;
    std::optional<double> own_share_percent;
};

struct ComparisonTable {
    std::vector<ComparisonRow> rows;
    ComparisonRow total;
    std::string as_of;
    uint64_t revision;
};

CustomerRow read(const pb::CustomerInsights& message);
ComparisonTable read(const pb::CompareLicensesResponse& message);

void fill(const CustomerRow& row, pb::CustomerInsights* message);
void fill(const ComparisonTable& table, pb::CompareLicensesResponse* message);

}  // namespace peer
