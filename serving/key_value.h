#pragma once

#include "holdfast/v1/config.pb.h"
#include "storage/reader_pool.h"

namespace holdfast::serving {

// A stored version as clients see it.
inline void FillKeyValue(const storage::KeyVersion& version, bool keys_only, v1::KeyValue* kv) {
  kv->set_key(version.key.data(), version.key.size());
  if (!keys_only) kv->set_value(version.value.data(), version.value.size());
  kv->set_create_revision(version.create_revision);
  kv->set_mod_revision(version.mod_revision);
  kv->set_version(version.version);
}

inline v1::KeyValue ToKeyValue(const storage::KeyVersion& version, bool keys_only) {
  v1::KeyValue kv;
  FillKeyValue(version, keys_only, &kv);
  return kv;
}

}  // namespace holdfast::serving
