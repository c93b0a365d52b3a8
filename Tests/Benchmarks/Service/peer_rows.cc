#include "peer_rows.h"

namespace peer {

// Reads and fills an optional field of the same name.
#define READ(field) \
    if (message.has_##field()) row.field = message.field()
#define FILL(field) \
    if (row.field) message->set_##field(*row.field)

static std::optional<RatioRow> read(bool present, const pb::Ratio& message) {
    if (!present) return {};
    return RatioRow{message.definition(), message.numerator(), message.denominator()};
}

static LicenseRow read(const pb::LicenseFigures& message) {
    LicenseRow row;
    READ(sold);
    READ(entitled);
    READ(trial);
    READ(uncounted);
    READ(assigned);
    READ(assigned_unsold);
    READ(assigned_lower);
    READ(assigned_upper);
    row.attribution = message.attribution();
    row.deployment = read(message.has_deployment(), message.deployment());
    return row;
}

static UsageRow read(const pb::UsageFigures& message) {
    UsageRow row;
    row.active_users = message.active_users();
    READ(total_users);
    READ(entitlements);
    row.usage = read(message.has_usage(), message.usage());
    row.usage_per_entitlement = read(message.has_usage_per_entitlement(), message.usage_per_entitlement());
    row.window_start = message.window_start();
    row.window_end = message.window_end();
    return row;
}

CustomerRow read(const pb::CustomerInsights& message) {
    CustomerRow row{message.customer_id(), message.customer_name(), message.as_of(), message.scope(), {}, {}, {}, 0};
    for (const auto& product : message.products()) {
        ProductRow line{product.product(), read(product.licenses()), {}, {}, {}};
        for (const auto& sku : product.skus())
            line.skus.push_back({sku.sku_id(), sku.sku_name(), read(sku.licenses())});
        if (product.has_usage()) line.usage = read(product.usage());
        for (const auto& workload : product.workloads())
            line.workloads.push_back({workload.workload_code(), workload.workload_name(), read(workload.usage())});
        row.products.push_back(std::move(line));
    }
    for (const auto& source : message.freshness().sources())
        row.sources.push_back({source.source(), source.status(), source.through()});
    for (const auto& workload : message.freshness().workloads())
        row.workload_coverage.push_back({workload.workload_code(), workload.status(), workload.through()});
    return row;
}

static ComparisonRow read(const pb::LicenseComparison& message) {
    ComparisonRow row;
    row.product = message.product();
    row.sku_id = message.sku_id();
    row.sku_name = message.sku_name();
    row.own = read(message.own());
    row.all_partners = read(message.all_partners());
    READ(direct_sold);
    READ(other_partners_sold);
    READ(unknown_sold);
    READ(own_share_percent);
    return row;
}

ComparisonTable read(const pb::CompareLicensesResponse& message) {
    ComparisonTable table;
    for (const auto& comparison : message.comparisons()) table.rows.push_back(read(comparison));
    table.total = read(message.total());
    table.as_of = message.as_of();
    table.revision = message.revision();
    return table;
}

static void fill(const RatioRow& row, pb::Ratio* message) {
    message->set_definition(row.definition);
    message->set_numerator(row.numerator);
    message->set_denominator(row.denominator);
    if (row.denominator != 0)
        message->set_percent(100 * static_cast<double>(row.numerator) / static_cast<double>(row.denominator));
}

static void fill(const LicenseRow& row, pb::LicenseFigures* message) {
    FILL(sold);
    FILL(entitled);
    FILL(trial);
    FILL(uncounted);
    FILL(assigned);
    FILL(assigned_unsold);
    FILL(assigned_lower);
    FILL(assigned_upper);
    message->set_attribution(row.attribution);
    if (row.deployment) fill(*row.deployment, message->mutable_deployment());
}

static void fill(const UsageRow& row, pb::UsageFigures* message) {
    message->set_active_users(row.active_users);
    FILL(total_users);
    FILL(entitlements);
    if (row.usage) fill(*row.usage, message->mutable_usage());
    if (row.usage_per_entitlement) fill(*row.usage_per_entitlement, message->mutable_usage_per_entitlement());
    message->set_window_start(row.window_start);
    message->set_window_end(row.window_end);
}

void fill(const CustomerRow& row, pb::CustomerInsights* message) {
    message->set_customer_id(row.id);
    message->set_customer_name(row.name);
    message->set_as_of(row.as_of);
    message->set_scope(row.scope);
    for (const auto& line : row.products) {
        auto* product = message->add_products();
        product->set_product(line.product);
        fill(line.licenses, product->mutable_licenses());
        for (const auto& entry : line.skus) {
            auto* sku = product->add_skus();
            sku->set_sku_id(entry.id);
            sku->set_sku_name(entry.name);
            fill(entry.licenses, sku->mutable_licenses());
        }
        if (line.usage) fill(*line.usage, product->mutable_usage());
        for (const auto& entry : line.workloads) {
            auto* workload = product->add_workloads();
            workload->set_workload_code(entry.code);
            workload->set_workload_name(entry.name);
            fill(entry.usage, workload->mutable_usage());
        }
    }
    for (const auto& entry : row.sources) {
        auto* source = message->mutable_freshness()->add_sources();
        source->set_source(entry.source);
        source->set_status(entry.status);
        source->set_through(entry.through);
    }
    for (const auto& entry : row.workload_coverage) {
        auto* workload = message->mutable_freshness()->add_workloads();
        workload->set_workload_code(entry.code);
        workload->set_status(entry.status);
        workload->set_through(entry.through);
    }
}

static void fill(const ComparisonRow& row, pb::LicenseComparison* message) {
    message->set_product(row.product);
    message->set_sku_id(row.sku_id);
    message->set_sku_name(row.sku_name);
    fill(row.own, message->mutable_own());
    fill(row.all_partners, message->mutable_all_partners());
    FILL(direct_sold);
    FILL(other_partners_sold);
    FILL(unknown_sold);
    FILL(own_share_percent);
}

void fill(const ComparisonTable& table, pb::CompareLicensesResponse* message) {
    for (const auto& row : table.rows) fill(row, message->add_comparisons());
    fill(table.total, message->mutable_total());
    message->set_as_of(table.as_of);
    message->set_revision(table.revision);
}

}  // namespace peer
