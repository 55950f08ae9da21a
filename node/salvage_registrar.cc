#include "node/salvage_registrar.h"

#include <memory>
#include <optional>

#include "base/status_macros.h"
#include "replication/inventory.h"
#include "storage/reader_pool.h"
#include "storage/salvage_codec.h"
#include "storage/salvage_file.h"

namespace holdfast::node {

SalvageRegistrar::SalvageRegistrar(Options options) : options_(std::move(options)) {
  options_.store->AddObserver(this);
}

SalvageRegistrar::~SalvageRegistrar() {
  Stop();
  options_.store->RemoveObserver(this);
}

void SalvageRegistrar::Start() { Look(); }

void SalvageRegistrar::Stop() { options_.strand->Cancel(timer_); }

// Only a primary in reach can be told, and only what it feeds or is says whether it has been told already.
void SalvageRegistrar::Look() {
  timer_ = options_.strand->PostAfter(kInterval, [this] { Look(); });
  if (!is_due_ || is_running_) return;
  const replication::ReplicaView view = options_.view();
  if (view.role != v1::NODE_ROLE_PRIMARY && !view.upstream_connected) return;
  if (view.primary_peer_address.empty()) return;
  auto round = std::make_shared<Round>();
  round->cluster_id = view.cluster_id;
  round->primary_address = view.primary_peer_address;
  is_running_ = true;
  is_due_ = false;  // what is cut from now on makes it due again
  const bool begun = options_.offload->Run([this, round] { Run(*round); }, [this, round] { Finish(*round); });
  if (!begun) Finish(*round);
}

void SalvageRegistrar::Run(Round& round) const {
  absl::StatusOr<v1::RegisterSalvageRequest> request = Unknown();
  round.status = request.status();
  if (!request.ok()) return;
  request->set_cluster_id(round.cluster_id);
  round.is_settled = request->files().empty();
  if (!round.is_settled) round.status = options_.register_at(round.primary_address, *request);
}

// After it has been told, the next look sees whether the record has come here, too.
void SalvageRegistrar::Finish(const Round& round) {
  is_running_ = false;
  if (!round.is_settled) is_due_ = true;
  if (!round.status.ok() && options_.on_failure) options_.on_failure(round.status);
}

absl::StatusOr<v1::RegisterSalvageRequest> SalvageRegistrar::Unknown() const {
  v1::RegisterSalvageRequest request;
  HF_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                      storage::ListSalvageFiles(options_.files, options_.store->options().data_dir));
  for (const std::string& path : paths) {
    if (request.files_size() == kMaxFilesPerRequest) break;
    const std::string file = path.substr(path.rfind('/') + 1);
    if (!storage::IsSalvageFileName(file)) continue;
    HF_ASSIGN_OR_RETURN(const bool is_known, IsKnown(file));
    if (!is_known) {
      *request.add_files() = storage::DescribeSalvageFile(options_.files, path, options_.node_id);
    }
  }
  return request;
}

absl::StatusOr<bool> SalvageRegistrar::IsKnown(const std::string& file) const {
  const Revision visible = options_.store->visible().revision;
  if (visible.is_zero()) return false;
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadLease> lease,
                      options_.store->own_readers().Acquire());
  HF_ASSIGN_OR_RETURN(const std::optional<storage::KeyVersion> found,
                      lease->Get(replication::SalvageKey(options_.node_id, file), visible));
  return found.has_value();
}

}  // namespace holdfast::node
