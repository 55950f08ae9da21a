#pragma once

#include <memory>
#include <utility>

namespace holdfast::replication {

// Makes closures that were queued or handed out do nothing once their owner is gone or has begun anew.
// Wrapped closures must be called on the owner's strand. One strand.
class Lifetime {
 public:
  template <typename Function>
  auto Wrap(Function function) const {
    return [alive = std::weak_ptr<const bool>(alive_),
            function = std::move(function)](auto&&... arguments) mutable {
      if (!alive.expired()) function(std::forward<decltype(arguments)>(arguments)...);
    };
  }

  // Everything wrapped so far does nothing any more.
  void Renew() { alive_ = std::make_shared<const bool>(true); }

 private:
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace holdfast::replication
