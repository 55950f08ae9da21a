#include "rpc/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "rpc/errors.h"
#include "rpc/peer_identity.h"

namespace holdfast::rpc {
namespace {

template <typename T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using Bio = std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;

Bio Open(const std::string& pem) { return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

// A key with a pass phrase would be asked for on the terminal.
int NoPassPhrase(char*, int, int, void*) { return 0; }

absl::Time TimeOf(const ASN1_TIME* asn1) {
  std::tm tm{};
  return ASN1_TIME_to_tm(asn1, &tm) == 1 ? absl::FromTM(tm, absl::UTCTimeZone()) : absl::InfinitePast();
}

std::string Show(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

struct NamesFreer {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

PeerIdentity IdentityOf(X509* cert) {
  PeerIdentity identity;
  const std::unique_ptr<GENERAL_NAMES, NamesFreer> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    identity.AddName(absl::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                       static_cast<size_t>(ASN1_STRING_length(uri))));
  }
  return identity;
}

// The certificates of a file, in its order.
absl::StatusOr<std::vector<Certificate>> ReadAll(absl::string_view field, const std::string& path) {
  const Bio file(BIO_new_file(path.c_str(), "r"));
  std::vector<Certificate> certificates;
  while (file != nullptr) {
    Certificate next(PEM_read_bio_X509(file.get(), nullptr, NoPassPhrase, nullptr));
    if (next == nullptr) break;
    certificates.push_back(std::move(next));
  }
  ERR_clear_error();  // the end of the file is one
  if (certificates.empty()) return BadTlsFileError(field, path, "holds no readable certificate");
  return certificates;
}

}  // namespace

absl::StatusOr<TlsEnds> ReadTlsEnds(const TlsFiles& files) {
  HF_ASSIGN_OR_RETURN(const std::vector<Certificate> own, ReadAll("cert", files.cert));
  HF_ASSIGN_OR_RETURN(const std::vector<Certificate> authorities, ReadAll("ca", files.ca));
  TlsEnds ends{TimeOf(X509_get0_notAfter(own.front().get())), absl::InfinitePast()};
  absl::Time any = absl::InfinitePast();  // where certificates between the two are in the first file
  for (const Certificate& authority : authorities) {
    const absl::Time end = TimeOf(X509_get0_notAfter(authority.get()));
    any = std::max(any, end);
    if (X509_check_issued(authority.get(), own.front().get()) == X509_V_OK)
      ends.authority = std::max(ends.authority, end);
  }
  ERR_clear_error();
  if (ends.authority == absl::InfinitePast()) ends.authority = any;
  return ends;
}

absl::Status CheckNodeCertificate(const TlsFiles& files, absl::string_view node_id) {
  if (!files.enabled()) return absl::OkStatus();
  const Bio file(BIO_new_file(files.cert.c_str(), "r"));
  const Certificate cert(file == nullptr ? nullptr
                                         : PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (cert == nullptr) return BadTlsFileError("cert", files.cert, "holds no readable certificate");
  const PeerIdentity identity = IdentityOf(cert.get());
  if (identity.IsNode(node_id)) return absl::OkStatus();
  return BadTlsFileError(
      "cert", files.cert,
      absl::StrCat("speaks for ", identity.IsNode() ? "node " : "no node",
                   absl::StrJoin(identity.node_ids, ", "), "; node ", node_id,
                   " needs one with the URI name holdfast://node/", node_id,
                   " (or holdfast://node/*, for all nodes), or no other node would feed it"));
}

absl::Status CheckCertificate(absl::string_view cert_path, const std::string& cert_pem,
                              absl::string_view key_path, const std::string& key_pem, absl::Time now) {
  ERR_clear_error();
  const Certificate cert(PEM_read_bio_X509(Open(cert_pem).get(), nullptr, nullptr, nullptr));
  if (cert == nullptr) return BadTlsFileError("cert", cert_path, "holds no readable certificate");
  const Key key(PEM_read_bio_PrivateKey(Open(key_pem).get(), nullptr, NoPassPhrase, nullptr));
  if (key == nullptr) {
    return BadTlsFileError("key", key_path, "holds no readable private key (it must have no pass phrase)");
  }
  if (X509_check_private_key(cert.get(), key.get()) != 1) {
    ERR_clear_error();
    return BadTlsFileError("key", key_path,
                           absl::StrCat("does not belong to the certificate in ", cert_path));
  }
  const absl::Time begins = TimeOf(X509_get0_notBefore(cert.get()));
  const absl::Time ends = TimeOf(X509_get0_notAfter(cert.get()));
  if (now > ends) return BadTlsFileError("cert", cert_path, absl::StrCat("expired on ", Show(ends)));
  if (now < begins) {
    return BadTlsFileError("cert", cert_path,
                           absl::StrCat("is good from ", Show(begins), " only, and it is ", Show(now)));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::rpc
