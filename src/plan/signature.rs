//! SSH signatures as `ssh-keygen -Y sign` makes them, and whom trusted policy knows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents};
use ssh_key::public::{KeyData, RsaPublicKey};
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};

use crate::k8s::glob::glob;

/// Signatures made for another purpose do not count (OpenSSH `PROTOCOL.sshsig`, namespace).
pub const NAMESPACE: &str = "rollback-safe";

/// Largest signature that is read, in bytes.
const MAX_SIGNATURE: usize = 16 * 1024;

/// A key that signed; the signature is right.
#[derive(Clone, Debug)]
pub struct Signed(PublicKey);

/// Verifies that the signature was made over these bytes, for our purpose, by the key it names. Says nothing about whose key
/// that is.
///
/// # Errors
/// What is wrong with it.
pub fn verify(armored: &str, message: &[u8]) -> Result<Signed, String> {
    if armored.len() > MAX_SIGNATURE {
        return Err("its signature is too long".to_owned());
    }
    let signature = SshSig::from_pem(armored).map_err(|error| format!("its signature cannot be read: {error}"))?;
    if signature.namespace() != NAMESPACE {
        return Err(format!("its signature is not made for the namespace {NAMESPACE}"));
    }
    let key = PublicKey::from(signature.public_key().clone());
    check(&key, &signature, message).map_err(|_| {
        let name = key.fingerprint(Default::default());
        format!("the signature of {name} is not one over this acceptance of this plan, or its algorithm is not known here")
    })?;
    Ok(Signed(key))
}

struct Wrong;

fn check(key: &PublicKey, signature: &SshSig, message: &[u8]) -> Result<(), Wrong> {
    match (signature.public_key(), signature.algorithm()) {
        (KeyData::Rsa(rsa), Algorithm::Rsa { hash: Some(hash) }) => check_rsa(rsa, hash, signature, message),
        _ => key.verify(NAMESPACE, message, signature).map_err(|_| Wrong),
    }
}

/// By `ring`, which is here for TLS: the `rsa` crate is open to a timing attack (RUSTSEC-2023-0071).
fn check_rsa(key: &RsaPublicKey, hash: HashAlg, signature: &SshSig, message: &[u8]) -> Result<(), Wrong> {
    let signed = SshSig::signed_data(NAMESPACE, signature.hash_alg(), message).map_err(|_| Wrong)?;
    let parts = RsaPublicKeyComponents { n: key.n.as_positive_bytes().ok_or(Wrong)?, e: key.e.as_positive_bytes().ok_or(Wrong)? };
    let algorithm = match hash {
        HashAlg::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        HashAlg::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        _ => return Err(Wrong),
    };
    parts.verify(algorithm, &signed, signature.signature_bytes()).map_err(|_| Wrong)
}

/// The lines of an allowed-signers file (ssh-keygen(1), ALLOWED SIGNERS).
#[derive(Clone, Debug, Default)]
pub struct Signers(Vec<Line>);

#[derive(Clone, Debug)]
struct Line {
    principals: String,
    key: PublicKey,
    namespaces: Option<Vec<String>>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

impl Signers {
    /// # Errors
    /// The number of a line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Signers, String> {
        let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let parsed = lines.map(|(number, text)| line(text).map_err(|why| format!("line {number}: {why}")));
        parsed.collect::<Result<_, _>>().map(Signers)
    }

    /// The principals as which the key is known at this time.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn principal(&self, signed: &Signed, at: Timestamp) -> Result<String, String> {
        let name = signed.0.fingerprint(Default::default());
        let own: Vec<&Line> = self.0.iter().filter(|line| line.key.key_data() == signed.0.key_data()).collect();
        if own.is_empty() {
            return Err(format!("it is signed by {name}, which is none of the allowed signers"));
        }
        let good = own.iter().filter(|line| line.allows(at)).map(|line| line.principals.clone()).collect::<BTreeSet<_>>();
        good.into_iter()
            .next()
            .ok_or_else(|| format!("it is signed by {name}, which the allowed signers do not allow for {NAMESPACE} at {at}"))
    }
}

impl Line {
    fn allows(&self, at: Timestamp) -> bool {
        let namespaces = self.namespaces.as_ref();
        namespaces.is_none_or(|patterns| patterns.iter().any(|pattern| glob(pattern, NAMESPACE)))
            && self.valid_after.is_none_or(|after| at >= after)
            && self.valid_before.is_none_or(|before| at < before)
    }
}

/// `principals [options] keytype key [comment]`.
fn line(text: &str) -> Result<Line, String> {
    let (principals, rest) = word(text);
    let key = |text: &str| PublicKey::from_openssh(text).ok();
    let line = |rest: &str, options: &str| -> Result<Line, String> {
        let key = key(rest).ok_or("no public key of a kind that is known here")?;
        let mut line = Line { principals: principals.to_owned(), key, namespaces: None, valid_after: None, valid_before: None };
        options_of(options).into_iter().try_for_each(|option| apply(&mut line, &option))?;
        Ok(line)
    };
    if key(rest).is_some() {
        return line(rest, "");
    }
    let (options, rest) = word(rest);
    line(rest, options)
}

/// The first word, in which spaces between quotation marks do not end it.
fn word(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c.is_ascii_whitespace() && !quoted
    });
    let end = end.unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn options_of(text: &str) -> Vec<String> {
    let mut options = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => options.push(String::new()),
            c => options.last_mut().expect("starts with one").push(c),
        }
    }
    options.retain(|option| !option.is_empty());
    options
}

/// An option that is not known is a fault: it may narrow what the key is good for.
fn apply(line: &mut Line, option: &str) -> Result<(), String> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    match name.to_ascii_lowercase().as_str() {
        "namespaces" => line.namespaces = Some(value.split(',').map(str::to_owned).collect()),
        "valid-after" => line.valid_after = Some(time(value)?),
        "valid-before" => line.valid_before = Some(time(value)?),
        "cert-authority" => return Err("certificate authorities are not read here; list the keys themselves".to_owned()),
        other => return Err(format!("the option {other:?} is not known")),
    }
    Ok(())
}

/// `YYYYMMDD[Z]` or `YYYYMMDDHHMM[SS][Z]`. Without `Z` ssh-keygen takes the zone of the machine; a policy must mean the same
/// everywhere, so it is UTC here.
fn time(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("{text:?} is no time such as 20260301Z or 202603011200Z");
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
        return Err(wrong());
    }
    let padded = format!("{digits:0<14}");
    let part = |range: std::ops::Range<usize>| &padded[range];
    let text = format!("{}-{}-{}T{}:{}:{}Z", part(0..4), part(4..6), part(6..8), part(8..10), part(10..12), part(12..14));
    text.parse().map_err(|_| wrong())
}
