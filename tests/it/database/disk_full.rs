//! The disk of a SQLite database is full: tokens are issued, changes fail with an error, and both
//! work again once space is available. The disk is a small tmpfs in its own mount namespace.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::listeners::stopping::ask;
use crate::support::eventually::eventually;
use crate::support::process::{Cli, Run};
use crate::support::{Answer, Engine, ORDERS, client};

/// A disk of two MiB, held by a process in its own namespace. It ends with this value.
struct SmallDisk {
    holder: Child,
    filler: PathBuf,
}

impl SmallDisk {
    fn new(mount_point: &Path) -> Self {
        std::fs::create_dir(mount_point).expect("a folder");
        let script = r#"mount -t tmpfs -o size=2m tmpfs "$0" && echo mounted && cat >/dev/null"#;
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(mount_point)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare, of util-linux");
        let mut line = String::new();
        let output = holder.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "mounted\n", "a user may not mount a tmpfs in a namespace here");
        // From outside, the disk is visible below the root of a process in the namespace.
        let below = mount_point.strip_prefix("/").expect("a whole path");
        let folder = PathBuf::from(format!("/proc/{}/root", holder.id())).join(below);
        Self { holder, filler: folder.join("filler") }
    }

    /// Returns the commands of `cli`, with a database on this disk.
    fn commands(&self, cli: Cli, mount_point: &Path) -> Cli {
        let url = format!("sqlite://{}", mount_point.join("tokend.db").display());
        let holder = self.holder.id().to_string();
        cli.set("TOKEND_DATABASE_URL", &url).started_by(&[
            "nsenter",
            "--target",
            &holder,
            "--user",
            "--preserve-credentials",
            "--mount",
        ])
    }

    /// Fills the disk.
    fn fill(&self) {
        let mut filler = File::create(&self.filler).expect("a file");
        while filler.write_all(&[0; 1024]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(&self.filler).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn create(cli: &Cli) -> Run {
    cli.run(&["client", "create", "A", "--generate-id", "--grant", ORDERS, "-o", "json"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_changes_and_no_tokens() {
    let cli = Cli::without_database(Engine::Sqlite).await;
    let mount_point = cli.place.folder.path().join("disk");
    let disk = SmallDisk::new(&mount_point);
    let cli = disk.commands(cli, &mount_point);
    cli.json(&["migrate"]);
    cli.json(&["resource", "create", ORDERS, "--scope", "orders:read"]);
    let made = cli.json(&["client", "create", "A", "--id", "a", "--grant", ORDERS]);
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let scopes = "urn:tokend=clients:read,clients:write,secrets:write";
    let ops = cli.json(&["client", "create", "ops", "--grant", scopes]);
    let mut server = cli.serve().await;
    ask(&server.base, "a", &secret).await.token();
    let form = [("grant_type", "client_credentials"), ("resource", "urn:tokend")];
    let request = client().post(format!("{}/v1/oauth/token", server.base)).form(&form);
    let token = Answer::of(request.basic_auth("ops", ops["client_secret"].as_str())).await.token();
    let create_at_server = async || {
        let request = client().post(format!("{}/v1/clients", server.management));
        Answer::of(request.bearer_auth(&token).json(&json!({ "name": "B" }))).await
    };

    disk.fill();
    // The log of SQLite may have space for some more changes.
    let failed = eventually("a change that does not fit", async || {
        let run = create(&cli);
        (run.code != 0).then_some(run)
    })
    .await;
    assert_eq!(failed.code, 7, "{failed:?}");
    assert!(failed.stderr.contains("database or disk is full"), "{failed:?}");
    assert!(failed.stderr.contains("Free space"), "{failed:?}");
    // A secret is printed before its change is final: the command reports that it is invalid.
    let is_taken_back = failed.stderr.contains("The secret that was printed is not valid");
    assert!(failed.stdout.is_empty() || is_taken_back, "{failed:?}");
    for _ in 0..20 {
        ask(&server.base, "a", &secret).await.token();
    }
    // The server notices by its own writes: rejections, and statistics every 15 seconds.
    let is_ready = async |wanted: &str| {
        eventually(wanted, async || {
            ask(&server.base, "a", "a-wrong-secret").await;
            let answer = Answer::of(client().get(format!("{}/readyz", server.base))).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            (answer.json()["status"] == wanted).then_some(())
        })
        .await;
    };
    is_ready("degraded: writes fail").await;
    for _ in 0..8 {
        let answer = create_at_server().await;
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    let report: Value =
        serde_json::from_str(&cli.run(&["doctor", "-o", "json"]).stdout).expect("JSON");
    let mut findings = report["checks"].as_array().expect("findings").iter();
    let space = findings.find(|finding| finding["code"] == "disk_space").expect("the check");
    assert_eq!(space["state"], "error", "{space}");
    let before = cli.json(&["client", "list", "--limit", "1000"]).as_array().map(Vec::len);

    disk.free();
    is_ready("ready").await;
    // Each connection of the pool works again.
    for _ in 0..8 {
        let answer = create_at_server().await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let before = before.map(|count| count + 8);
    let run = create(&cli);
    assert_eq!(run.code, 0, "{run:?}");
    let after = cli.json(&["client", "list", "--limit", "1000"]).as_array().map(Vec::len);
    assert_eq!(after, before.map(|count| count + 1), "the failed change has left a client");
    let made: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let text = |name: &str| made[name].as_str().expect("a text");
    eventually("a token of the new client", async || {
        let answer = ask(&server.base, text("client_id"), text("client_secret")).await;
        (answer.status == 200).then_some(())
    })
    .await;
    let run = cli.run(&["audit", "verify"]);
    assert_eq!(run.code, 0, "{run:?}");
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0), "{}", server.log());
}
