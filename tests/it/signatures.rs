//! SSH signatures: what counts for us is what counts for the real ssh-keygen, with every sort of key.

use std::fs;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256, Sha512};

use rollback_safe::plan::signature::{NAMESPACE, Signers, verify};

/// One signature of a message, and what is asked about it.
struct Signature {
    dir: tempfile::TempDir,
    public: String,
    armored: String,
}

const MESSAGE: &[u8] = b"{\"plan\":\"sha256:0\"}";

fn run_keygen(args: &[&str], stdin: &[u8]) -> std::process::Output {
    use std::io::Write;
    let mut child = Command::new("ssh-keygen")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ssh-keygen");
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

/// Kinds as ssh-keygen takes them, with the curve where there is a choice.
const KINDS: [&[&str]; 5] = [&["ed25519"], &["ecdsa", "-b", "256"], &["ecdsa", "-b", "384"], &["ecdsa", "-b", "521"], &["rsa"]];

fn no_keygen() -> bool {
    let missing = Command::new("ssh-keygen").arg("-?").output().is_err();
    if missing {
        crate::skip("ssh-keygen is not installed");
    }
    missing
}

impl Signature {
    /// None where ssh-keygen is not installed.
    fn new(kind: &[&str], namespace: &str) -> Option<Signature> {
        if no_keygen() {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let key = key.to_str().unwrap();
        let made = run_keygen(&[&["-q", "-N", "", "-C", "a comment", "-f", key, "-t"], kind].concat(), b"");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let signed = run_keygen(&["-Y", "sign", "-n", namespace, "-f", key], MESSAGE);
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
        let public = fs::read_to_string(dir.path().join("key.pub")).unwrap().trim().to_owned();
        Some(Signature { dir, public, armored: String::from_utf8(signed.stdout).unwrap() })
    }

    /// What the real ssh-keygen says, for the principal `jane`.
    fn by_keygen(&self, signers: &str, message: &[u8]) -> bool {
        let (file, signature) = (self.dir.path().join("signers"), self.dir.path().join("signature"));
        fs::write(&file, signers).unwrap();
        fs::write(&signature, &self.armored).unwrap();
        let (file, signature) = (file.to_str().unwrap(), signature.to_str().unwrap());
        let args =
            ["-Y", "verify", "-I", "jane", "-n", NAMESPACE, "-f", file, "-s", signature, "-O", "verify-time=20260301120000Z"];
        run_keygen(&args, message).status.success()
    }

    fn by_us(&self, signers: &str, message: &[u8]) -> Result<String, String> {
        let signed = verify(&self.armored, message)?;
        Signers::parse(signers)?.principal(&signed, "2026-03-01T12:00:00Z".parse().unwrap())
    }
}

#[test]
fn signatures_count_as_for_the_real_ssh_keygen() {
    for kind in KINDS {
        let (Some(own), Some(other)) = (Signature::new(kind, NAMESPACE), Signature::new(&["ed25519"], NAMESPACE)) else { return };
        let kind = kind.join(" ");
        let (key, another) = (&own.public, &other.public);
        for signers in [
            format!("jane {key}"),
            format!("# people\n\n  jane {key}\n"),
            format!("jane,joe {key}"),
            format!("jane {another}"),
            format!("jane {another}\njane {key}"),
            format!("jane namespaces=\"rollback-safe\" {key}"),
            format!("jane namespaces=\"git,rollback-*\" {key}"),
            format!("jane namespaces=\"git,file\" {key}"),
            format!("jane valid-after=\"20260301Z\" {key}"),
            format!("jane valid-after=\"202603011201Z\" {key}"),
            format!("jane valid-before=\"20260302Z\" {key}"),
            format!("jane valid-before=\"20260301115959Z\" {key}"),
            format!("jane namespaces=\"rollback-safe\",valid-after=\"20250101Z\",valid-before=\"20270101Z\" {key}"),
            String::new(),
        ] {
            let ours = own.by_us(&signers, MESSAGE);
            assert_eq!(ours.is_ok(), own.by_keygen(&signers, MESSAGE), "{kind}: {signers}: {ours:?}");
        }
        let signers = format!("jane {key}");
        assert!(own.by_us(&signers, b"another message").is_err() && !own.by_keygen(&signers, b"another message"), "{kind}");
    }
}

#[test]
fn signatures_for_another_purpose_and_broken_files_do_not_count() {
    let Some(git) = Signature::new(&["ed25519"], "git") else { return };
    assert!(git.by_us(&format!("jane {}", git.public), MESSAGE).unwrap_err().contains("namespace rollback-safe"));
    for text in ["jane", "jane ssh-ed25519 AAAA", "jane wild=1 ssh-ed25519 AAAA", "jane \"", "\u{0} \u{0}"] {
        assert!(Signers::parse(text).unwrap_err().starts_with("line 1: "), "{text:?}");
    }
    let option = format!("jane no-such-option {}", git.public);
    assert!(Signers::parse(&option).unwrap_err().contains("is not known"));
    for armored in ["", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", &"A".repeat(20_000)] {
        assert!(verify(armored, MESSAGE).is_err());
    }
}

/// Numbers of a signature begin with a zero byte now and then, and are written shorter then.
#[test]
fn every_signature_of_a_curve_counts() {
    for bits in ["384", "521"] {
        let Some(one) = Signature::new(&["ecdsa", "-b", bits], NAMESPACE) else { return };
        let key = one.dir.path().join("key");
        for number in 0..12 {
            let message = format!("message {number}");
            let signed = run_keygen(&["-Y", "sign", "-n", NAMESPACE, "-f", key.to_str().unwrap()], message.as_bytes());
            let armored = String::from_utf8(signed.stdout).unwrap();
            assert!(verify(&armored, message.as_bytes()).is_ok(), "{bits}: {armored}");
            assert!(verify(&armored, b"another").is_err(), "{bits}: {armored}");
        }
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A positive number as SSH writes it (RFC 4251, 5, `mpint`).
fn number(bytes: &[u8]) -> Vec<u8> {
    let short = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    if short.first().is_some_and(|byte| byte & 0x80 != 0) { string(&[&[0], short].concat()) } else { string(short) }
}

type Signs = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// A key as a security key has it, without the security key: what it signs is known (OpenSSH `PROTOCOL.u2f`, SSH U2F Signatures).
struct Token {
    kind: &'static str,
    public: Vec<u8>,
    sign: Signs,
}

const APPLICATION: &[u8] = b"ssh:";

fn tokens() -> [Token; 2] {
    let random = SystemRandom::new();
    let edwards = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let curve = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let fixed = move |curve: &EcdsaKeyPair, data: &[u8]| {
        let signature = curve.sign(&SystemRandom::new(), data).unwrap();
        let (r, s) = signature.as_ref().split_at(32);
        [number(r), number(s)].concat()
    };
    [
        Token {
            kind: "sk-ssh-ed25519@openssh.com",
            public: string(edwards.public_key().as_ref()),
            sign: Box::new(move |data| edwards.sign(data).as_ref().to_vec()),
        },
        Token {
            kind: "sk-ecdsa-sha2-nistp256@openssh.com",
            public: [string(b"nistp256"), string(curve.public_key().as_ref())].concat(),
            sign: Box::new(move |data| fixed(&curve, data)),
        },
    ]
}

impl Token {
    /// Touched, the seventh signature of its life.
    fn signature(&self) -> Signature {
        let key = [string(self.kind.as_bytes()), self.public.clone(), string(APPLICATION)].concat();
        let around = [string(NAMESPACE.as_bytes()), string(b""), string(b"sha512")].concat();
        let message = [b"SSHSIG".to_vec(), around.clone(), string(&Sha512::digest(MESSAGE))].concat();
        let trailer = [&[1_u8][..], &7_u32.to_be_bytes()].concat();
        let data = [&Sha256::digest(APPLICATION)[..], &trailer, &Sha256::digest(&message)[..]].concat();
        let signature = [string(self.kind.as_bytes()), string(&(self.sign)(&data)), trailer].concat();
        let whole = [b"SSHSIG".to_vec(), 1_u32.to_be_bytes().to_vec(), string(&key), around, string(&signature)].concat();
        let text = STANDARD.encode(whole);
        let lines: Vec<&str> = (0..text.len()).step_by(70).map(|at| &text[at..text.len().min(at + 70)]).collect();
        Signature {
            dir: tempfile::tempdir().unwrap(),
            public: format!("{} {}", self.kind, STANDARD.encode(&key)),
            armored: format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n")),
        }
    }
}

#[test]
fn signatures_of_security_keys_count_as_well() {
    if no_keygen() {
        return;
    }
    let [edwards, curve] = tokens();
    for (token, other) in [(&edwards, &curve), (&curve, &edwards)] {
        let (own, other) = (token.signature(), other.signature());
        let known = format!("jane {}", own.public);
        for (signers, message) in
            [(known.clone(), MESSAGE), (known, &b"another message"[..]), (format!("jane {}", other.public), MESSAGE)]
        {
            let ours = own.by_us(&signers, message);
            assert_eq!(ours.is_ok(), own.by_keygen(&signers, message), "{}: {signers}: {ours:?}", token.kind);
        }
        assert_eq!(own.by_us(&format!("jane {}", own.public), MESSAGE), Ok("jane".to_owned()), "{}", token.kind);
    }
}
