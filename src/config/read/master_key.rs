//! Settings of the master key.

use zeroize::Zeroizing;

use crate::config::parse::duration;
use crate::config::read::SettingsReader;
use crate::config::{KeyCommand, MasterKey};
use crate::model::master_key::MasterKeyList;

impl SettingsReader<'_> {
    /// Parses the optional master keys; records a problem.
    pub(super) fn master_key(&mut self) -> Option<MasterKey> {
        let text = Zeroizing::new(self.settings.text("master_key"));
        if text.is_empty() {
            return None;
        }
        let Ok(keys) = MasterKeyList::parse(&text) else {
            self.complain(
                "master_key",
                "is not 32 bytes in base64 or hex",
                "E-CONF-VALUE",
                "make one with: openssl rand -base64 32",
            );
            return None;
        };
        let (source, file) =
            (self.settings.origin("master_key"), self.settings.file_of("master_key"));
        Some(MasterKey { keys, source, file })
    }

    /// Parses the optional command that prints the master keys; records a problem.
    #[expect(clippy::option_option, reason = "outer None: a problem; inner None: not set")]
    pub(super) fn master_key_command(&mut self) -> Option<Option<KeyCommand>> {
        const KEY: &str = "master_key_command";
        let timeout = self.parsed("master_key_command_timeout", duration);
        let Some(words) = self.settings.words(KEY) else {
            self.complain(
                KEY,
                "has a quotation that does not end",
                "E-CONF-VALUE",
                "close the quotation, or write a list of the program and its arguments",
            );
            return None;
        };
        let Some((program, arguments)) = words.split_first() else { return Some(None) };
        if program.is_empty() {
            let remedy = "write the program first, then its arguments";
            self.complain(KEY, "does not name a program", "E-CONF-VALUE", remedy);
            return None;
        }
        if !self.settings.text("master_key").is_empty() {
            let problem = format!(
                "is set, and `master_key` is set as well ({})",
                self.settings.origin("master_key")
            );
            self.complain(KEY, &problem, "E-CONF-TWICE", "remove one of them");
            return None;
        }
        Some(Some(KeyCommand {
            program: program.clone(),
            arguments: arguments.to_vec(),
            source: self.settings.origin(KEY),
            timeout: timeout?,
        }))
    }
}
