//! Owns MLKEM768-X25519 (X-Wing) as a KEM for HPKE: which parts of ML-KEM-768, X25519, SHAKE256 and SHA3-256 go where. The parts
//! are those of RustCrypto and dalek; rules: `draft-connolly-cfrg-xwing-kem`, `draft-ietf-hpke-pq`.

use hpke::generic_array::GenericArray;
use hpke::generic_array::typenum::{Sum, U32, U64, U128, U1024};
use hpke::kem::SharedSecret;
use hpke::rand_core::{CryptoRng, RngCore};
use hpke::{Deserializable, HpkeError, Kem, Serializable};
use ml_kem::kem::Decapsulate as _;
use ml_kem::{B32, Ciphertext, EncapsulateDeterministic as _, Encoded, EncodedSizeUser as _, KemCore, MlKem768};
use sha3::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use sha3::{Digest as _, Sha3_256, Shake256};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of a private key: the seed that everything else is expanded from.
pub(super) const SEED: usize = 32;

type EncapsulationKey = <MlKem768 as KemCore>::EncapsulationKey;
type DecapsulationKey = <MlKem768 as KemCore>::DecapsulationKey;
/// A scalar, a point, or a shared secret of X25519.
type X25519 = [u8; 32];

/// The KEM.
pub(super) struct XWing;

/// The seed of a key pair.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PrivateKey(Zeroizing<[u8; SEED]>);

/// The ML-KEM-768 key, then the X25519 point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    lattice: Encoded<EncapsulationKey>,
    point: X25519,
}

/// The ML-KEM-768 ciphertext, then the X25519 point of the sender.
#[derive(Clone)]
pub(super) struct EncappedKey {
    lattice: Ciphertext<MlKem768>,
    point: X25519,
}

/// What a seed expands to.
struct Expanded {
    lattice: DecapsulationKey,
    scalar: Zeroizing<X25519>,
}

impl PrivateKey {
    /// The key as bytes.
    pub(super) fn seed(&self) -> &[u8; SEED] {
        &self.0
    }

    fn expand(&self) -> Expanded {
        let mut bytes = Shake256::default().chain(*self.0).finalize_xof();
        let (mut d, mut z) = (B32::default(), B32::default());
        let mut scalar = Zeroizing::new([0; 32]);
        bytes.read(&mut d);
        bytes.read(&mut z);
        bytes.read(&mut *scalar);
        let (lattice, _) = MlKem768::generate_deterministic(&d, &z);
        d[..].zeroize();
        z[..].zeroize();
        Expanded { lattice, scalar }
    }
}

impl Expanded {
    fn public(&self) -> PublicKey {
        PublicKey { lattice: self.lattice.encapsulation_key().as_bytes(), point: x25519(*self.scalar, X25519_BASEPOINT_BYTES) }
    }
}

impl Serializable for PrivateKey {
    type OutputSize = U32;

    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(self.seed());
    }
}

impl Deserializable for PrivateKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let mut seed = Zeroizing::new([0; SEED]);
        if bytes.len() != seed.len() {
            return Err(HpkeError::IncorrectInputLength(seed.len(), bytes.len()));
        }
        seed.copy_from_slice(bytes);
        Ok(Self(seed))
    }
}

impl Serializable for PublicKey {
    // 1184 + 32.
    type OutputSize = Sum<Sum<U1024, U128>, U64>;

    fn write_exact(&self, buffer: &mut [u8]) {
        let (lattice, point) = buffer.split_at_mut(self.lattice.len());
        lattice.copy_from_slice(&self.lattice);
        point.copy_from_slice(&self.point);
    }
}

impl Deserializable for PublicKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let (lattice, point) = split(bytes, Self::size())?;
        let lattice = Encoded::<EncapsulationKey>::try_from(lattice).map_err(|_| HpkeError::ValidationError)?;
        // FIPS 203, 7.2: the numbers of the key must be below the modulus.
        if EncapsulationKey::from_bytes(&lattice).as_bytes() != lattice {
            return Err(HpkeError::ValidationError);
        }
        Ok(Self { lattice, point })
    }
}

impl Serializable for EncappedKey {
    // 1088 + 32.
    type OutputSize = Sum<Sum<U1024, U64>, U32>;

    fn write_exact(&self, buffer: &mut [u8]) {
        let (lattice, point) = buffer.split_at_mut(self.lattice.len());
        lattice.copy_from_slice(&self.lattice);
        point.copy_from_slice(&self.point);
    }
}

impl Deserializable for EncappedKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, HpkeError> {
        let (lattice, point) = split(bytes, Self::size())?;
        let lattice = Ciphertext::<MlKem768>::try_from(lattice).map_err(|_| HpkeError::ValidationError)?;
        Ok(Self { lattice, point })
    }
}

impl Kem for XWing {
    type PublicKey = PublicKey;
    type PrivateKey = PrivateKey;
    type EncappedKey = EncappedKey;
    type NSecret = U32;
    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(key: &PrivateKey) -> PublicKey {
        key.expand().public()
    }

    /// SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32).
    fn derive_keypair(ikm: &[u8]) -> (PrivateKey, PublicKey) {
        const LABEL: &[u8] = b"DeriveKeyPair";
        let mut seed = Zeroizing::new([0; SEED]);
        Shake256::default()
            .chain(ikm)
            .chain(b"HPKE-v1KEM")
            .chain(Self::KEM_ID.to_be_bytes())
            .chain([0, LABEL.len() as u8])
            .chain(LABEL)
            .chain([0, SEED as u8])
            .finalize_xof()
            .read(&mut *seed);
        let key = PrivateKey(seed);
        let public = Self::sk_to_pk(&key);
        (key, public)
    }

    fn decap(key: &PrivateKey, sender: Option<&PublicKey>, encapped: &EncappedKey) -> Result<SharedSecret<Self>, HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let own = key.expand();
        let curve = exchange(&own.scalar, &encapped.point).ok_or(HpkeError::DecapError)?;
        let lattice = own.lattice.decapsulate(&encapped.lattice).map_err(|()| HpkeError::DecapError)?;
        let lattice = Zeroizing::new(<[u8; 32]>::from(lattice));
        Ok(combine(&lattice, &curve, &encapped.point, &own.public().point))
    }

    fn encap<R: CryptoRng + RngCore>(
        recipient: &PublicKey,
        sender: Option<(&PrivateKey, &PublicKey)>,
        random: &mut R,
    ) -> Result<(SharedSecret<Self>, EncappedKey), HpkeError> {
        if sender.is_some() {
            return Err(HpkeError::EncapError);
        }
        let mut message = B32::default();
        let mut scalar = Zeroizing::new([0; 32]);
        random.try_fill_bytes(&mut message).map_err(|_| HpkeError::EncapError)?;
        random.try_fill_bytes(&mut *scalar).map_err(|_| HpkeError::EncapError)?;
        let point = x25519(*scalar, X25519_BASEPOINT_BYTES);
        let curve = exchange(&scalar, &recipient.point).ok_or(HpkeError::EncapError)?;
        let (ciphertext, lattice) = EncapsulationKey::from_bytes(&recipient.lattice)
            .encapsulate_deterministic(&message)
            .map_err(|()| HpkeError::EncapError)?;
        message[..].zeroize();
        let lattice = Zeroizing::new(<[u8; 32]>::from(lattice));
        let secret = combine(&lattice, &curve, &point, &recipient.point);
        Ok((secret, EncappedKey { lattice: ciphertext, point }))
    }
}

/// X25519, with the check of RFC 7748: points of low order share the same secret, zero, with everyone.
fn exchange(scalar: &X25519, point: &X25519) -> Option<Zeroizing<X25519>> {
    let shared = Zeroizing::new(x25519(*scalar, *point));
    if subtle::ConstantTimeEq::ct_eq(&shared[..], &[0; 32][..]).into() { None } else { Some(shared) }
}

/// The shared secret of both halves; the last part is the label of X-Wing.
fn combine(lattice: &[u8; 32], curve: &X25519, sent: &X25519, recipient: &X25519) -> SharedSecret<XWing> {
    let hash = Sha3_256::new().chain(lattice).chain(curve).chain(sent).chain(recipient).chain(br"\.//^\");
    let mut secret = SharedSecret(GenericArray::default());
    hash.finalize_into(&mut secret.0);
    secret
}

/// The two halves of `bytes`, whose length must be `length`.
fn split(bytes: &[u8], length: usize) -> Result<(&[u8], X25519), HpkeError> {
    match bytes.split_last_chunk() {
        Some((lattice, point)) if bytes.len() == length => Ok((lattice, *point)),
        _ => Err(HpkeError::IncorrectInputLength(length, bytes.len())),
    }
}
