//! Owns the assertion of a client certificate: a signed text that stands for the client secret. The SDK's own needs OpenSSL; this signs with
//! what TLS has.

use azure_core::http::ClientMethodOptions;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// For how many seconds it holds.
const HOLDS: i64 = 600;

/// A signed assertion.
pub(super) struct Assertion {
    text: zeroize::Zeroizing<String>,
}

impl std::fmt::Debug for Assertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Assertion")
    }
}

impl Assertion {
    /// Of the key and certificate in a PEM text, for a client in a tenant of an authority.
    ///
    /// # Errors
    /// In words, when the text holds no RSA key with a certificate.
    pub(super) fn new(pem: &[u8], client: &str, authority: &str, tenant: &str, now: OffsetDateTime) -> Result<Self, String> {
        let wrong = |what: &str| format!("the file of AZURE_CLIENT_CERTIFICATE_PATH {what}");
        let needed = "has no certificate with a private key, in PEM, without a password (`openssl pkcs12 -in FILE -nodes` makes that of others)";
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| wrong(needed))?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| wrong(needed))?;
        let key = any_supported_type(&key).map_err(|_| wrong("has a private key of an unknown kind"))?;
        let signer =
            key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]).ok_or_else(|| wrong("has a private key that is not RSA"))?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| String::from("there are no random bytes"))?;
        let audience = format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/'));
        let start = now.unix_timestamp();
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate));
        let head = serde_json::json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
        let claims = serde_json::json!({
            "aud": audience, "iss": client, "sub": client, "jti": URL_SAFE_NO_PAD.encode(id),
            "iat": start, "nbf": start, "exp": start + HOLDS,
        });
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = signer.sign(signed.as_bytes()).map_err(|_| wrong("has a private key that does not sign"))?;
        Ok(Self { text: format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into() })
    }
}

#[async_trait::async_trait]
impl azure_identity::ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.text.to_string())
    }
}
