#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/digest.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"

// Page tokens are opaque to clients, valid at every node, and checked: a token that was altered, or is sent
// with another request, is refused instead of giving a listing that nobody asked for. Pure; any thread.
namespace holdfast::serving {

// Where a listing or a history goes on. A plain value.
struct PageToken {
  Revision revision;     // that all pages show (List), or the newest that the listing began with (History)
  std::string next_key;  // where the next page begins (List)
  Revision next;         // the newest revision of the next page (History); zero for List
};

std::string EncodePageToken(const PageToken& token, const Digest128& request_fingerprint);

// INVALID_REQUEST (page_token) unless `encoded` came from EncodePageToken with the same fingerprint.
absl::StatusOr<PageToken> DecodePageToken(absl::string_view encoded, const Digest128& request_fingerprint);

// What must stay the same from page to page: everything but the page's size, the token, and how fresh the
// node must be.
Digest128 Fingerprint(const v1::ListRequest& request);
Digest128 Fingerprint(const v1::HistoryRequest& request);

}  // namespace holdfast::serving
