#include "client/endpoints.h"

#include <algorithm>

namespace holdfast::client {
namespace {

void PutFirst(std::vector<std::string>& order, const std::string& address) {
  if (address.empty()) return;
  order.erase(std::remove(order.begin(), order.end(), address), order.end());
  order.insert(order.begin(), address);
}

}  // namespace

std::vector<std::string> Endpoints::ReadOrder() {
  MutexLock lock(&mu_);
  std::vector<std::string> order(addresses_.begin() + current_, addresses_.end());
  order.insert(order.end(), addresses_.begin(), addresses_.begin() + current_);
  PutFirst(order, hint_);
  hint_.clear();
  return order;
}

std::vector<std::string> Endpoints::CommitOrder() {
  MutexLock lock(&mu_);
  std::vector<std::string> order(addresses_.begin() + current_, addresses_.end());
  order.insert(order.end(), addresses_.begin(), addresses_.begin() + current_);
  PutFirst(order, primary_);
  return order;
}

void Endpoints::Answered(const std::string& address) {
  MutexLock lock(&mu_);
  const auto it = std::find(addresses_.begin(), addresses_.end(), address);
  if (it != addresses_.end()) current_ = it - addresses_.begin();
}

void Endpoints::Failed(const std::string& address) {
  MutexLock lock(&mu_);
  if (address == primary_) primary_.clear();
  if (addresses_[current_] == address) current_ = (current_ + 1) % addresses_.size();
}

void Endpoints::LearnPrimary(const std::string& address) {
  MutexLock lock(&mu_);
  primary_ = address;
}

void Endpoints::Hint(const std::string& address) {
  MutexLock lock(&mu_);
  hint_ = address;
}

}  // namespace holdfast::client
