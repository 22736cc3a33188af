//! The configurations that `docs/carriers.md` shows: each is good as it stands, for whoever copies it.

use super::*;

/// The blocks of the document that configure something: indented lines, from one that begins with a bracket to the next
/// line of prose.
fn shown() -> Vec<String> {
    let document = include_str!("../../../docs/carriers.md");
    let mut blocks: Vec<String> = Vec::new();
    let mut within = false;
    for line in document.lines() {
        let code = line.strip_prefix("    ").or(line.is_empty().then_some(""));
        let Some(code) = code else {
            within = false;
            continue;
        };
        if !within && code.starts_with('[') {
            within = true;
            blocks.push(String::new());
        }
        if let Some(block) = blocks.last_mut().filter(|_| within) {
            block.push_str(code);
            block.push('\n');
        }
    }
    blocks
}

/// The block with a site, and with whatever else its `[delivery]` names: a carrier for trials.
fn whole(block: &str) -> String {
    let defined: Vec<&str> = block
        .lines()
        .filter_map(|line| line.strip_prefix("[carriers.")?.split('.').next())
        .collect();
    let listed = block.lines().filter(|line| {
        line.starts_with("sms =") || line.starts_with("voice =") || line.starts_with("email =")
    });
    let named: BTreeSet<&str> = listed
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|name| !defined.contains(name))
        .collect();
    let mut beside = String::new();
    for name in named {
        writeln!(beside, "[carriers.{name}.console]").unwrap();
    }
    format!(
        "[listen]\nhttps = [\"127.0.0.1:8443\"]\ncert = \"tls.pem\"\nkey = \"file:tls.key\"\n\
         [sites.portal]\nurl = \"https://portal.example.com\"\nupstream = \"http://127.0.0.1:3000\"\n\
         support = \"Help desk\"\ndirectory = \"staff\"\nscopes = [\"login\"]\n[scopes.login]\n\
         [directory.staff.file]\npath = \"users.toml\"\n{beside}{}",
        block.replace("/var/spool/countersign", "spool"),
    )
}

#[test]
fn the_blocks_of_the_carriers_document_are_good_configurations() {
    let blocks = shown();
    for kind in [
        "bandwidth",
        "twilio",
        "webhook",
        "email",
        "command",
        "spool",
        "console",
    ] {
        let table = format!(".{kind}]");
        assert!(
            blocks.iter().any(|block| block.contains(&table)),
            "there is no block of a {kind}"
        );
    }
    for block in blocks {
        let folder = Folder::new(&whole(&block));
        let loaded = folder.load();
        let told = loaded
            .problems
            .iter()
            .filter(|problem| problem.rule != Rule::ForTrials);
        assert_eq!(told.count(), 0, "{block}\n{}", folder.told(&loaded));
        assert!(loaded.config.is_some());
    }
}
