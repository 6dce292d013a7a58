//! Logging in to an IMAP server with a token (RFC 7628), and the settings of Dovecot in a test.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::eventually::eventually;

/// An IMAP server of a test.
pub struct Imap;

impl Imap {
    /// Returns the settings that Dovecot needs in addition to those of the page: a folder, a port,
    /// users, and no delay after a failure.
    pub fn dovecot(folder: &TempDir, port: u16) -> String {
        let mail = folder.path().join("mail");
        std::fs::create_dir(&mail).expect("a folder");
        let everyone = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(&mail, everyone).expect("permissions");
        let name = |option: &str| {
            let output = Command::new("id").arg(option).output().expect("id");
            String::from_utf8(output.stdout).expect("text").trim().to_owned()
        };
        let (user, group) = (name("-un"), name("-gn"));
        // Only root can use other users and chroot.
        let (own, mailbox) = if user == "root" {
            (String::new(), "uid=nobody gid=nogroup".to_owned())
        } else {
            let own = format!(
                "default_internal_user = {user}\ndefault_login_user = {user}\n\
                 default_internal_group = {group}\nservice anvil {{\n  chroot =\n}}\n\
                 service imap-login {{\n  chroot =\n}}\n"
            );
            (own, format!("uid={user} gid={group}"))
        };
        let folder = folder.path().display();
        format!(
            "base_dir = {folder}/run\nlog_path = /dev/stderr\nprotocols = imap\nssl = no\n\
             listen = 127.0.0.1\nauth_verbose = yes\nauth_failure_delay = 0\n\
             mail_location = maildir:~/Maildir\n\
             userdb {{\n  driver = static\n  args = {mailbox} home={folder}/mail/%u\n}}\n\
             service imap-login {{\n  inet_listener imap {{\n    port = {port}\n  }}\n  \
             inet_listener imaps {{\n    port = 0\n  }}\n}}\n\
             service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n{own}"
        )
    }

    /// True if the user can log in with this token. Dovecot resets connections while a process for
    /// them starts, so these are repeated.
    pub async fn log_in(port: u16, user: &str, token: &str) -> bool {
        eventually("an answer", async || Self::answer(port, user, token).await.ok()).await
    }

    async fn answer(port: u16, user: &str, token: &str) -> io::Result<bool> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let response =
            BASE64_STANDARD.encode(format!("n,a={user},\u{1}auth=Bearer {token}\u{1}\u{1}"));
        let request = format!("a AUTHENTICATE OAUTHBEARER {response}\r\n");
        writer.write_all(request.as_bytes()).await?;
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("a ") {
                return Ok(line.starts_with("a OK"));
            }
            if line.starts_with('+') {
                // RFC 7628, section 3.2.3: the client ends a failed exchange with %x01.
                writer.write_all(b"AQ==\r\n").await?;
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
