//! Owns what is known about the network here: the certificates that are trusted.

use super::clock;
use crate::keys::http::{Network, Trust};
use rustls_native_certs::CertificateResult;
use std::time::Duration;

/// The network as this machine knows it.
#[derive(Debug)]
pub struct Machine;

impl Network for Machine {
    fn trust(&self) -> Result<Trust, String> {
        trust()
    }

    fn uptime(&self) -> Duration {
        clock::uptime()
    }
}

/// The certificates of the system, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
///
/// # Errors
/// When there are none.
pub fn trust() -> Result<Trust, String> {
    certificates(rustls_native_certs::load_native_certs())
        .ok_or_else(|| String::from("there are no certificates to trust: the system has none, or SSL_CERT_FILE names none"))
}

/// What was found, unless it is nothing.
pub fn certificates(found: CertificateResult) -> Option<Trust> {
    let certificates: Vec<Vec<u8>> = found.certs.iter().map(|certificate| certificate.to_vec()).collect();
    (!certificates.is_empty()).then_some(Trust::Certificates(certificates))
}
