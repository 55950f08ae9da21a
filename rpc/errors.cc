#include "rpc/errors.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "rpc/reason_table.h"

namespace holdfast::rpc {
namespace {

absl::Status Make(v1::Reason reason, absl::string_view message) {
  return MakeError(FindReason(ReasonName(reason))->code, ReasonName(reason), message);
}

}  // namespace

absl::Status PortInUseError(absl::string_view address) {
  const absl::string_view port = address.substr(address.rfind(':') + 1);
  return WithDetail(
      Make(v1::REASON_IO_ERROR,
           absl::StrCat("address ", address, " is in use by another program; `ss -ltnp 'sport = :", port,
                        "'` names it. End that program or set another `listen`")),
      "address", address);
}

absl::Status CannotListenError(absl::string_view address, absl::string_view why) {
  return WithDetail(Make(v1::REASON_IO_ERROR, absl::StrCat("cannot listen at ", address, ": ", why)),
                    "address", address);
}

absl::Status BadAddressError(absl::string_view address) {
  return WithDetail(
      Make(v1::REASON_INVALID_REQUEST,
           absl::StrCat("\"", address,
                        "\" is no address; write host:port with a port from 0 to 65535, or [v6]:port")),
      "field", "address");
}

absl::Status InsecureListenError(absl::string_view address) {
  return WithDetail(Make(v1::REASON_PERMISSION_DENIED,
                         absl::StrCat("refusing to listen at ", address,
                                      " without TLS: anyone who reaches it could change the configuration. "
                                      "Give [tls] ca, cert and key, or say `insecure = true` (--insecure) if "
                                      "the network is trusted")),
                    "address", address);
}

absl::Status IncompleteTlsError(absl::string_view missing) {
  return WithDetail(Make(v1::REASON_INVALID_REQUEST,
                         absl::StrCat("TLS needs ca, cert and key together; ", missing, " is missing")),
                    "field", missing);
}

absl::Status BadTlsFileError(absl::string_view field, absl::string_view path, absl::string_view why) {
  return WithDetail(Make(v1::REASON_IO_ERROR, absl::StrCat("TLS ", field, " file ", path, ": ", why)), "path",
                    path);
}

absl::Status UnreachableError(absl::string_view address, absl::string_view why) {
  return WithDetail(Make(v1::REASON_UNREACHABLE, absl::StrCat(address, " cannot be reached: ", why)),
                    "address", address);
}

}  // namespace holdfast::rpc
