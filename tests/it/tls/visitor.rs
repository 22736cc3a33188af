//! Certificates in files, and a visitor who speaks HTTP/1.1 over TLS and minds what the handshake says.

use std::fs;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::client::WantsClientCert;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, HandshakeKind, RootCertStore, StreamOwned,
};
use tempfile::TempDir;

use crate::support::wire::{Answer, PATIENCE, read_body, read_head};

/// Somebody who signs certificates, and a folder for them.
pub struct Authority {
    ca: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate whose issuer has the name of its subject for one that nobody else has signed.
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "An authority");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self {
            ca,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Writes `FILE.crt` and `FILE.key`, good until the beginning of that year.
    pub fn write(&self, file: &str, names: &[&str], until: i32) {
        let (chain, key) = self.sign(names, until);
        fs::write(self.path(&format!("{file}.crt")), chain).unwrap();
        let path = self.path(&format!("{file}.key"));
        fs::write(&path, key.serialize_pem()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The lines of `[listen]` for what [`write`](Self::write) wrote.
    pub fn listed(&self, file: &str) -> String {
        let (chain, key) = (
            self.path(&format!("{file}.crt")),
            self.path(&format!("{file}.key")),
        );
        format!(
            "cert = \"{}\"\nkey = \"file:{}\"",
            chain.display(),
            key.display()
        )
    }

    /// Writes its own certificate to `ca.pem`.
    pub fn write_own(&self) -> PathBuf {
        let path = self.path("ca.pem");
        fs::write(&path, self.ca.pem()).unwrap();
        path
    }

    fn sign(&self, names: &[&str], until: i32) -> (String, KeyPair) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.ca).unwrap().pem(), key)
    }

    /// A visitor who believes it.
    pub fn visitor(&self) -> Visitor {
        let config = self.believed().with_no_client_auth();
        Visitor(Arc::new(config))
    }

    /// A visitor who believes it, and has a certificate of `issuer`'s.
    pub fn visitor_of(&self, issuer: &Self) -> Visitor {
        let params = CertificateParams::new(vec!["ann.example".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = params.signed_by(&key, &issuer.ca).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let believed = self.believed();
        let config = believed.with_client_auth_cert(vec![own.der().clone()], key);
        Visitor(Arc::new(config.unwrap()))
    }

    fn believed(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
    }
}

/// Keeps what it is given to resume with, as a browser does.
#[derive(Clone)]
pub struct Visitor(Arc<ClientConfig>);

/// One connection.
pub struct Line {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Visitor {
    /// Shakes hands as somebody who wants `name`.
    pub fn connect(&self, address: SocketAddr, name: &str) -> Result<Line, std::io::Error> {
        let tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let session = ClientConnection::new(Arc::clone(&self.0), name).unwrap();
        let mut stream = StreamOwned::new(session, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Line {
            stream: BufReader::new(stream),
        })
    }
}

impl Line {
    /// Asks, and reads the answer; `None` where the connection ends instead.
    pub fn ask(&mut self, line: &str, host: &str) -> Option<Answer> {
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(request.as_bytes()).ok()?;
        stream.flush().ok()?;
        let head = read_head(&mut self.stream)?;
        let body = read_body(&head, &mut self.stream, false);
        Some(Answer { head, body })
    }

    /// The certificate that the other side has shown, in DER.
    pub fn shown(&self) -> Vec<u8> {
        let session = &self.stream.get_ref().conn;
        session.peer_certificates().unwrap()[0].to_vec()
    }

    pub fn resumed(&self) -> bool {
        self.stream.get_ref().conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }
}
