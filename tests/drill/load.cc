#include "tests/drill/load.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "client/connect.h"
#include "tests/drill/keys.h"

namespace holdfast::drill {
namespace {

constexpr int kKeysPerImportCommit = 1000;
constexpr absl::Duration kCutOffTimeout =
    absl::Milliseconds(500);                                   // of one commit at a primary without voters
constexpr absl::Duration kImportPatience = absl::Seconds(60);  // of one commit, and of one proxy

absl::StatusOr<std::unique_ptr<client::Client>> ClientAt(const std::vector<std::string>& endpoints) {
  client::Options options;
  options.endpoints = endpoints;
  options.timeout = kImportPatience;
  return client::Connect(std::move(options));
}

}  // namespace

absl::StatusOr<int64_t> ImportKeys(const testing::LocalCluster& cluster, int key_count, Journal* journal,
                                   const Halt& halt) {
  const testing::LocalCluster::Node& primary = cluster.Only("primary");
  HF_ASSIGN_OR_RETURN(const auto writer, ClientAt({primary.address}));
  for (int first = 0; first < key_count && !halt.is_said(); first += kKeysPerImportCommit) {
    std::vector<int> keys;
    for (int key = first; key < std::min(key_count, first + kKeysPerImportCommit); ++key) keys.push_back(key);
    const int64_t number = journal->Begin("import", keys);
    HF_ASSIGN_OR_RETURN(const v1::CommitResponse answer,
                        writer->Commit(RequestOf(number, keys, writer->NewRequestId())));
    journal->Acknowledge(number, {answer.revision(), answer.header().node_id(), RealClock()->SinceBoot()});
  }
  const int64_t revision = writer->seen_revision();
  for (const std::string& id : cluster.ids("proxy")) {
    if (halt.is_said()) break;
    HF_ASSIGN_OR_RETURN(const auto reader, ClientAt({cluster.node(id).address}));
    reader->Observe(revision);
    v1::GetRequest request;
    request.set_key(KeyOf(0));
    HF_RETURN_IF_ERROR(reader->Get(request).status());
  }
  return revision;
}

absl::StatusOr<std::unique_ptr<Load>> Load::Start(const Options& options) {
  std::unique_ptr<Load> load(new Load());
  std::vector<std::string> servers;
  std::vector<std::string> endpoints;  // of a client in the site that is left
  uint64_t seed = options.seed;
  for (const auto& [id, node] : options.cluster->nodes()) {
    if (node.role != "proxy") {
      servers.push_back(node.address);
      continue;
    }
    if (node.site == options.home) endpoints.push_back(node.address);
    ProxyReader::Options reader;
    reader.node_id = id;
    reader.address = node.address;
    reader.key_count = options.key_count;
    reader.per_second = options.reads_per_second / kReadersPerProxy;
    reader.deadline = options.read_deadline;
    reader.clock = options.clock;
    for (int i = 0; i < kReadersPerProxy; ++i) {
      reader.seed = ++seed;
      HF_ASSIGN_OR_RETURN(auto started, ProxyReader::Start(reader));
      load->readers_[id].push_back(std::move(started));
    }
    HF_ASSIGN_OR_RETURN(load->watchers_[id], Watcher::Start({id, node.address, options.after}));
  }
  for (const char* const name : {kDirect, kLibrary, kCutOff}) {
    Writer::Options writer;
    writer.name = name;
    writer.gives_up = name == kCutOff;
    if (name == kDirect) {
      HF_ASSIGN_OR_RETURN(writer.call, DirectCommits(servers, options.clock));
    } else if (name == kLibrary) {
      HF_ASSIGN_OR_RETURN(writer.call, LibraryCommits(endpoints));
    } else if (options.cut_off.empty()) {
      continue;
    } else {
      HF_ASSIGN_OR_RETURN(writer.call, LibraryCommits({options.cut_off}, kCutOffTimeout));
    }
    writer.key_count = options.key_count;
    writer.per_second = options.writes_per_second / 2;
    writer.seed = ++seed;
    writer.journal = options.journal;
    writer.clock = options.clock;
    load->writers_.push_back(std::make_unique<Writer>(std::move(writer)));
  }
  return load;
}

void Load::SuspendReaders(const std::vector<std::string>& node_ids) {
  for (const std::string& id : node_ids) {
    for (const auto& reader : readers_.at(id)) reader->Suspend();
  }
}

void Load::ResumeReaders(const std::string& node_id) {
  for (const auto& reader : readers_.at(node_id)) reader->Resume();
}

bool Load::HaveSeen(const std::string& node_id, int64_t revision) const {
  const auto& readers = readers_.at(node_id);
  return std::all_of(readers.begin(), readers.end(),
                     [revision](const auto& reader) { return reader->shown_revision() >= revision; });
}

void Load::StopWriters() {
  for (const auto& writer : writers_) writer->Stop();
}

void Load::Stop() {
  StopWriters();
  for (const auto& [id, readers] : readers_) {
    for (const auto& reader : readers) reader->Stop();
  }
  for (const auto& [id, watcher] : watchers_) watcher->Stop();
}

}  // namespace holdfast::drill
