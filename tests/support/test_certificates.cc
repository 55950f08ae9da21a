#include "tests/support/test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"

namespace holdfast::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key NewKey() { return Key(EVP_EC_gen("P-256"), &EVP_PKEY_free); }

void AddExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  HF_CHECK(extension != nullptr, value);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate NewCertificate(EVP_PKEY* key, const std::string& common_name, long serial) {
  Certificate cert(X509_new(), &X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 365L * 24 * 3600);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return cert;
}

template <typename Write>
void WriteFile(const std::string& path, Write write) {
  FILE* file = std::fopen(path.c_str(), "w");
  HF_CHECK(file != nullptr && write(file) == 1, path);
  std::fclose(file);
}

}  // namespace

struct TestAuthority::State {
  std::string directory;
  std::string name;
  Key key = NewKey();
  Certificate cert{nullptr, &X509_free};
  long next_serial = 2;
};

TestAuthority::TestAuthority(std::string directory, std::string name) : state_(new State) {
  State& ca = *state_;
  ca.directory = std::move(directory);
  ca.name = std::move(name);
  ca.cert = NewCertificate(ca.key.get(), ca.name, 1);
  X509_set_issuer_name(ca.cert.get(), X509_get_subject_name(ca.cert.get()));
  AddExtension(ca.cert.get(), ca.cert.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(ca.cert.get(), ca.cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(ca.cert.get(), ca.key.get(), EVP_sha256());
  WriteFile(absl::StrCat(ca.directory, "/", ca.name, "-ca.pem"),
            [&](FILE* file) { return PEM_write_X509(file, ca.cert.get()); });
}

TestAuthority::~TestAuthority() = default;

TestAuthority::Files TestAuthority::Issue(const std::string& common_name,
                                          const std::vector<std::string>& alternative_names,
                                          Validity validity) {
  State& ca = *state_;
  const Key key = NewKey();
  const Certificate cert = NewCertificate(key.get(), common_name, ca.next_serial);
  if (validity == Validity::kOver) {
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -48 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), -3600);
  } else if (validity == Validity::kNearlyOver) {
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 24 * 3600);
  }
  X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.cert.get()));
  if (!alternative_names.empty()) {
    AddExtension(cert.get(), ca.cert.get(), NID_subject_alt_name, absl::StrJoin(alternative_names, ","));
  }
  X509_sign(cert.get(), ca.key.get(), EVP_sha256());

  const std::string stem = absl::StrCat(ca.directory, "/", ca.name, "-", ca.next_serial++);
  const Files files{absl::StrCat(ca.directory, "/", ca.name, "-ca.pem"), stem + ".pem", stem + ".key"};
  WriteFile(files.cert, [&](FILE* file) { return PEM_write_X509(file, cert.get()); });
  WriteFile(files.key, [&](FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace holdfast::testing
