#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/store.h"

namespace holdfast::storage {

// What a node expects of its data directory.
struct DataDirectoryOptions {
  Store::Options store;
  std::string node_id;
  std::string cluster_id;  // empty: any, also none yet
  bool is_proxy = false;   // a proxy is always a replica; a server may have been the primary
};

// A directory that is good to go on with.
struct DataDirectory {
  std::unique_ptr<Store> store;
  // What was found damaged and set aside, if anything was: its new name and why. The store is then empty or
  // has a new incarnation (R16): the node says so, and takes a snapshot.
  std::string set_aside_path;
  absl::Status damage;
};

// Opens the data directory of a starting node, making it if there is none, and decides what becomes of
// damage:
//
// - A replica's data.db is set aside with its WAL under a new name, never deleted; the incarnation is renewed
// before,
//   and the node begins with an empty store.
// - A node.db is set aside likewise, and the next one has a new incarnation; data.db stays.
// - Of a node that holds the promise of its own epoch, a primary's, nothing is touched: DATA_DAMAGED, and the
// message
//   says how to go on. So of a server whose node.db is damaged if its log says that it leads the newest
//   epoch, or cannot be read either.
//
// Refused as well, with nothing changed: DATA_DIR_LOCKED; WRONG_CLUSTER and CONFLICTING_SETTINGS (another
// cluster's or node's directory); SCHEMA_TOO_NEW; IO_ERROR (no directory, not readable, not writable);
// DISK_FULL. Safe to retry.
absl::StatusOr<DataDirectory> OpenDataDirectory(const DataDirectoryOptions& options);

}  // namespace holdfast::storage
