//! The options of ssh_config, and what each of them does here.

use rprov_modules::kit::nearest;

/// What setting an option comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionEffect {
    Acts,
    /// Nothing, and nothing is missed.
    Idle,
    /// Nothing, though somebody may have expected something: why.
    Noted(&'static str),
    /// There is no such option; perhaps this one was meant.
    Unknown(Option<&'static str>),
}

const ACTS: &[&str] = &[
    "AddressFamily",
    "ConnectTimeout",
    "ForwardAgent",
    "GlobalKnownHostsFile",
    "HostKeyAlias",
    "HostName",
    "IdentitiesOnly",
    "IdentityAgent",
    "IdentityFile",
    "KbdInteractiveAuthentication",
    "PasswordAuthentication",
    "Port",
    "PreferredAuthentications",
    "ProxyCommand",
    "ProxyJump",
    "PubkeyAuthentication",
    "ServerAliveCountMax",
    "ServerAliveInterval",
    "StrictHostKeyChecking",
    "Tag",
    "User",
    "UserKnownHostsFile",
];

/// What they arrange is so in any case, or shows only in a session with a person in it.
const IDLE: &[&str] = &[
    "AddKeysToAgent",
    "BatchMode",
    "CanonicalizeHostname",
    "CheckHostIP",
    "ClearAllForwardings",
    "Compression",
    "CompressionLevel",
    "ConnectionAttempts",
    "ControlMaster",
    "ControlPath",
    "ControlPersist",
    "EnableEscapeCommandline",
    "EscapeChar",
    "ExitOnForwardFailure",
    "FingerprintHash",
    "ForkAfterAuthentication",
    "GSSAPIAuthentication",
    "GSSAPIDelegateCredentials",
    "GSSAPIKeyExchange",
    "HashKnownHosts",
    "HostbasedAuthentication",
    "IPQoS",
    "IgnoreUnknown",
    "LogLevel",
    "LogVerbose",
    "NumberOfPasswordPrompts",
    "ObscureKeystrokeTiming",
    "PermitLocalCommand",
    "ProxyUseFdpass",
    "RekeyLimit",
    "RequestTTY",
    "SessionType",
    "StdinNull",
    "SyslogFacility",
    "TCPKeepAlive",
    "UpdateHostKeys",
    "UseKeychain",
    "VisualHostKey",
];

const OURS: &str = "rprov speaks SSH itself, with its own choice of algorithms";
const SHELLS: &str = "rprov opens one connection for its own shells";
const KEYS: &str = "host keys are looked up in known_hosts files only";

const NOTED: &[(&str, &str)] = &[
    ("BindAddress", "the system chooses the address to connect from"),
    ("BindInterface", "the system chooses the address to connect from"),
    ("CASignatureAlgorithms", OURS),
    ("CertificateFile", "certificates stand beside their keys, as `KEY-cert.pub`"),
    ("Ciphers", OURS),
    ("DynamicForward", SHELLS),
    ("ForwardX11", SHELLS),
    ("ForwardX11Trusted", SHELLS),
    ("HostKeyAlgorithms", OURS),
    ("HostbasedAcceptedAlgorithms", OURS),
    ("KexAlgorithms", OURS),
    ("KnownHostsCommand", KEYS),
    ("LocalCommand", SHELLS),
    ("LocalForward", SHELLS),
    ("MACs", OURS),
    ("NoHostAuthenticationForLocalhost", KEYS),
    ("PKCS11Provider", "keys on a token come from an agent"),
    ("PubkeyAcceptedAlgorithms", OURS),
    ("PubkeyAcceptedKeyTypes", OURS),
    ("RemoteCommand", SHELLS),
    ("RemoteForward", SHELLS),
    ("RequiredRSASize", OURS),
    ("RevokedHostKeys", KEYS),
    ("SecurityKeyProvider", "keys on a token come from an agent"),
    ("SendEnv", "write `environment` in the playbook"),
    ("SetEnv", "write `environment` in the playbook"),
    ("Tunnel", SHELLS),
    ("VerifyHostKeyDNS", KEYS),
];

/// What an option of ssh_config does here. Capital letters do not matter.
pub fn ssh_option(name: &str) -> OptionEffect {
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    if ACTS.iter().any(is) {
        return OptionEffect::Acts;
    }
    if IDLE.iter().any(is) {
        return OptionEffect::Idle;
    }
    if let Some((_, why)) = NOTED.iter().find(|(known, _)| is(known)) {
        return OptionEffect::Noted(why);
    }
    let all = ACTS.iter().chain(IDLE).copied().chain(NOTED.iter().map(|(name, _)| *name));
    OptionEffect::Unknown(nearest(name, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_one_effect() {
        assert_eq!(ssh_option("userknownhostsfile"), OptionEffect::Acts);
        assert_eq!(ssh_option("ControlPersist"), OptionEffect::Idle);
        assert!(matches!(ssh_option("ciphers"), OptionEffect::Noted(_)));
        let near = Some("StrictHostKeyChecking");
        assert_eq!(ssh_option("StrictHostKeyCheking"), OptionEffect::Unknown(near));
        let noted = NOTED.iter().map(|(name, _)| *name);
        let mut all: Vec<String> =
            ACTS.iter().chain(IDLE).copied().chain(noted).map(str::to_lowercase).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
