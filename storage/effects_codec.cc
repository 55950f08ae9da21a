#include "storage/effects_codec.h"

#include "storage/varint.h"

namespace holdfast::storage {
std::string EncodeEffects(const std::vector<ChangeEffect>& effects) {
  std::string out;
  for (const ChangeEffect& effect : effects) {
    PutVarint(out, effect.create_revision);
    PutVarint(out, effect.version);
    PutVarint(out, effect.previous_revision);
  }
  return out;
}

bool DecodeEffects(absl::string_view bytes, int count, std::vector<ChangeEffect>* effects) {
  effects->clear();
  for (int i = 0; i < count; ++i) {
    ChangeEffect effect;
    if (!TakeVarint(bytes, &effect.create_revision) || !TakeVarint(bytes, &effect.version) ||
        !TakeVarint(bytes, &effect.previous_revision)) {
      return false;
    }
    effects->push_back(effect);
  }
  return bytes.empty();
}

}  // namespace holdfast::storage
