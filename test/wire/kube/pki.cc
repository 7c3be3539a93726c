// SPDX-License-Identifier: Apache-2.0
#include "wire/kube/pki.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace barevip::wire {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

std::string text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM of a certificate");
  return text(bio.get());
}

std::string pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "PEM of a key");
  return text(bio.get());
}

Key newKey() {
  Key key(EVP_EC_gen("P-256"));
  check(key != nullptr, "EC key");
  return key;
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  check(extension != nullptr, value.c_str());
  check(X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

Certificate newCertificate(const std::string& commonName, EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(commonName.c_str()), -1, -1, 0);
  return certificate;
}

void makeAuthority(X509* certificate, X509* issuer) {
  extend(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
}

struct Issuer {
  Certificate certificate;
  Key key;
};

Issuer readIssuer(const Identity& identity) {
  const Bio certificate(BIO_new_mem_buf(identity.certificate.data(), -1));
  const Bio key(BIO_new_mem_buf(identity.key.data(), -1));
  return {Certificate(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr)),
          Key(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr))};
}

void sign(X509* certificate, EVP_PKEY* key) {
  check(X509_sign(certificate, key, EVP_sha256()) > 0, "signature");
}

}  // namespace

Authority::Authority(const std::string& name) {
  const Key key = newKey();
  const Certificate certificate = newCertificate(name, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  makeAuthority(certificate.get(), certificate.get());
  sign(certificate.get(), key.get());
  self_ = {pem(certificate.get()), pem(key.get())};
}

Authority Authority::subordinate(const std::string& name) const {
  const Issuer issuer = readIssuer(self_);
  const Key key = newKey();
  const Certificate certificate = newCertificate(name, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.certificate.get()));
  makeAuthority(certificate.get(), issuer.certificate.get());
  sign(certificate.get(), issuer.key.get());
  Authority made;
  made.self_ = {pem(certificate.get()), pem(key.get())};
  return made;
}

Identity Authority::issue(const std::string& commonName,
                          const std::vector<std::string>& names) const {
  const Issuer by = readIssuer(self_);
  X509* const issuer = by.certificate.get();
  const Key key = newKey();
  const Certificate certificate = newCertificate(commonName, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ",") + name;
  if (!all.empty()) extend(certificate.get(), issuer, NID_subject_alt_name, all);
  extend(certificate.get(), issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  sign(certificate.get(), by.key.get());
  return {pem(certificate.get()), pem(key.get())};
}

TemporaryFile::TemporaryFile(const std::string& content) {
  std::string pattern = (std::filesystem::temp_directory_path() / "barevip-XXXXXX").string();
  check(::mkdtemp(pattern.data()) != nullptr, "temporary folder");
  folder_ = pattern;
  path_ = folder_ + "/file";
  write(content);
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TemporaryFile::write(const std::string& content) const {
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace barevip::wire
