// The peer of the service benchmark: C++ gRPC as the distribution ships it, answering the same two methods with the
// same bytes over TLS with a required client certificate. It has no authentication beyond that, no policy, no limits,
// no audit trail, no metrics, and its figures are ready made (peer_rows.h): every difference is in its favor.
//
//     peer callback|async FOLDER     FOLDER has the certificates and NAME.reply of each method
//     peer json FOLDER COUNT         CPU microseconds of turning a reply's bytes into JSON, and its bytes
//
// `callback` is the interface that gRPC recommends. `async` is one completion queue served by one thread, with the
// reply built on a protobuf arena: the leanest that this library does.

#include <google/protobuf/arena.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <thread>
#include <unordered_map>

#include "partner/insights/v1/insights_service.grpc.pb.h"
#include "peer_rows.h"

using namespace partner::insights::v1;

namespace {

std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::cerr << "peer: cannot read " << path << "\n";
        std::exit(1);
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

// What the service knows, by customer id.
struct Book {
    std::unordered_map<std::string, peer::CustomerRow> customers;
    std::unordered_map<std::string, peer::ComparisonTable> comparisons;

    grpc::Status answer(const GetCustomerInsightsRequest& request, GetCustomerInsightsResponse* reply) const {
        auto found = customers.find(request.customer_id());
        if (found == customers.end()) return {grpc::StatusCode::NOT_FOUND, "customer not found"};
        peer::fill(found->second, reply->mutable_insights());
        reply->set_revision(found->second.revision);
        return grpc::Status::OK;
    }

    grpc::Status answer(const CompareLicensesRequest& request, CompareLicensesResponse* reply) const {
        auto found = comparisons.find(request.customer_id());
        if (found == comparisons.end()) return {grpc::StatusCode::NOT_FOUND, "customer not found"};
        peer::fill(found->second, reply);
        return grpc::Status::OK;
    }
};

// A recorded reply without its gRPC frame header, which must come out of the rows again byte for byte.
template <typename Reply>
Reply recorded(const std::string& path) {
    Reply reply;
    std::string bytes = contents(path);
    if (bytes.size() < 5 || !reply.ParseFromString(bytes.substr(5)) || reply.SerializeAsString() != bytes.substr(5)) {
        std::cerr << "peer: " << path << " is no reply that protobuf writes the same way\n";
        std::exit(1);
    }
    return reply;
}

Book read_book(const std::string& folder) {
    Book book;
    auto reply = recorded<GetCustomerInsightsResponse>(folder + "/GetCustomerInsights.reply");
    const auto& insights = reply.insights();
    book.customers[insights.customer_id()] = peer::read(insights);
    book.customers[insights.customer_id()].revision = reply.revision();
    auto comparison = recorded<CompareLicensesResponse>(folder + "/CompareLicenses.reply");
    book.comparisons[insights.customer_id()] = peer::read(comparison);
    return book;
}

class CallbackService final : public InsightsService::CallbackService {
public:
    explicit CallbackService(const Book& book) : book_(book) {}

    grpc::ServerUnaryReactor* GetCustomerInsights(grpc::CallbackServerContext* context,
                                                  const GetCustomerInsightsRequest* request,
                                                  GetCustomerInsightsResponse* reply) override {
        return finish(context, book_.answer(*request, reply));
    }

    grpc::ServerUnaryReactor* CompareLicenses(grpc::CallbackServerContext* context,
                                              const CompareLicensesRequest* request,
                                              CompareLicensesResponse* reply) override {
        return finish(context, book_.answer(*request, reply));
    }

private:
    static grpc::ServerUnaryReactor* finish(grpc::CallbackServerContext* context, const grpc::Status& status) {
        auto* reactor = context->DefaultReactor();
        reactor->Finish(status);
        return reactor;
    }

    const Book& book_;
};

// One slot of the asynchronous server: waits for a call, answers it, waits for the next.
class Slot {
public:
    virtual ~Slot() = default;
    virtual void proceed(bool ok) = 0;
};

template <typename Request, typename Reply, auto method>
class MethodSlot final : public Slot {
public:
    MethodSlot(InsightsService::AsyncService* service, grpc::ServerCompletionQueue* queue, const Book& book)
        : service_(service), queue_(queue), book_(book) {
        wait();
    }

    void proceed(bool ok) override {
        if (!answered_ && ok) {
            answered_ = true;
            auto* reply = google::protobuf::Arena::CreateMessage<Reply>(&*arena_);
            auto status = book_.answer(*request_, reply);
            if (status.ok())
                writer_->Finish(*reply, status, this);
            else
                writer_->FinishWithError(status, this);
        } else if (answered_) {
            wait();
        }
    }

private:
    void wait() {
        answered_ = false;
        writer_.reset();
        context_.emplace();
        arena_.emplace();
        request_ = google::protobuf::Arena::CreateMessage<Request>(&*arena_);
        writer_.emplace(&*context_);
        (service_->*method)(&*context_, request_, &*writer_, queue_, queue_, this);
    }

    InsightsService::AsyncService* service_;
    grpc::ServerCompletionQueue* queue_;
    const Book& book_;
    bool answered_ = false;
    std::optional<grpc::ServerContext> context_;
    std::optional<google::protobuf::Arena> arena_;
    Request* request_ = nullptr;
    std::optional<grpc::ServerAsyncResponseWriter<Reply>> writer_;
};

using InsightsSlot = MethodSlot<GetCustomerInsightsRequest, GetCustomerInsightsResponse,
                                &InsightsService::AsyncService::RequestGetCustomerInsights>;
using ComparisonSlot =
    MethodSlot<CompareLicensesRequest, CompareLicensesResponse, &InsightsService::AsyncService::RequestCompareLicenses>;

void serve_queue(InsightsService::AsyncService* service, grpc::ServerCompletionQueue* queue, const Book& book) {
    std::vector<std::unique_ptr<Slot>> slots;
    for (int index = 0; index < 256; index++) {
        slots.push_back(std::make_unique<InsightsSlot>(service, queue, book));
        slots.push_back(std::make_unique<ComparisonSlot>(service, queue, book));
    }
    void* tag;
    bool ok;
    while (queue->Next(&tag, &ok)) static_cast<Slot*>(tag)->proceed(ok);
}

}  // namespace

// As a gateway before a gRPC server would: the reply's bytes are parsed and written as canonical JSON.
int print_json(const std::string& folder, int count) {
    const std::string bytes = contents(folder + "/GetCustomerInsights.reply").substr(5);
    std::string json;
    const std::clock_t begin = std::clock();
    for (int number = 0; number < count; number++) {
        GetCustomerInsightsResponse reply;
        json.clear();
        if (!reply.ParseFromString(bytes)) return 1;
        if (!google::protobuf::util::MessageToJsonString(reply, &json).ok()) return 1;
    }
    std::cout << double(std::clock() - begin) / CLOCKS_PER_SEC * 1e6 / count << " " << json.size() << "\n";
    return 0;
}

int main(int count, char** arguments) {
    if (count == 4 && std::string(arguments[1]) == "json") return print_json(arguments[2], std::atoi(arguments[3]));
    if (count != 3) {
        std::cerr << "usage: peer callback|async FOLDER | peer json FOLDER COUNT\n";
        return 1;
    }
    const bool is_async = std::string(arguments[1]) == "async";
    const std::string folder = arguments[2];
    const Book book = read_book(folder);

    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = contents(folder + "/ca.pem");
    tls.pem_key_cert_pairs.push_back({contents(folder + "/server.key"), contents(folder + "/server.pem")});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
    CallbackService callback_service(book);
    InsightsService::AsyncService async_service;
    std::unique_ptr<grpc::ServerCompletionQueue> queue;
    if (is_async) {
        builder.RegisterService(&async_service);
        queue = builder.AddCompletionQueue();
    } else {
        builder.RegisterService(&callback_service);
    }
    auto server = builder.BuildAndStart();
    if (!server || port == 0) return 1;
    std::thread worker;
    if (is_async) worker = std::thread([&] { serve_queue(&async_service, queue.get(), book); });
    std::cout << "ready port=" << port << std::endl;

    int signal;
    sigwait(&signals, &signal);
    server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    if (queue) queue->Shutdown();
    if (worker.joinable()) worker.join();
    return 0;
}
