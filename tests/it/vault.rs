//! Encrypted files and values in runs on this machine: opened when needed, and never shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rprov_vault::ansible::seal;

const PASSWORD: &str = "vault-pässword-1";
const CANARY: &str = "cAn4ry's \"5ecret\"/42";

/// A project in a directory of its own.
struct Project(tempfile::TempDir);

/// How a run ended, and all it printed.
struct Ended {
    code: i32,
    text: String,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Project {
        let project = Project(tempfile::tempdir().expect("a directory"));
        project.write("pw", &format!("{PASSWORD}\n"), 0o600);
        for (name, text) in files {
            project.write(name, text, 0o644);
        }
        project
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a written file")
    }

    /// `rprov playbook play.yml -i localhost, -c local …`
    fn play(&self, words: &[&str]) -> Ended {
        let play = ["playbook", "play.yml", "-i", "localhost,", "-c", "local"];
        self.run(&[&play, words].concat(), &[])
    }

    fn run(&self, words: &[&str], environment: &[(&str, &str)]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
            .args(words)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .envs(environment.iter().copied())
            .output()
            .expect("rprov runs");
        let text = [output.stdout, output.stderr].concat();
        Ended {
            code: output.status.code().expect("an exit code"),
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

impl Ended {
    #[track_caller]
    fn well(self) -> Ended {
        assert_eq!(self.code, 0, "{}", self.text);
        self
    }

    #[track_caller]
    fn says(self, words: &[&str]) -> Ended {
        // Messages are wrapped at the width of the terminal.
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(text.contains(word), "no `{word}` in\n{}", self.text);
        }
        self
    }

    #[track_caller]
    fn hides(self, secrets: &[&str]) -> Ended {
        for secret in secrets {
            assert!(!self.text.contains(secret), "`{secret}` in\n{}", self.text);
        }
        self
    }
}

fn vaulted(plain: &str, label: Option<&str>) -> String {
    seal(plain.as_bytes(), PASSWORD.as_bytes(), label).expect("a fine label")
}

/// `!vault |` and the envelope, indented.
fn inline(plain: &str) -> String {
    let lines: String =
        vaulted(plain, None).lines().map(|line| format!("          {line}\n")).collect();
    format!("!vault |\n{lines}")
}

/// A play that writes its variable `secret` to `out`.
const WRITES: &str = "- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: '{{ secret }}', dest: '{{ playbook_dir }}/out'}
";

#[test]
fn everything_encrypted_is_opened_where_ansible_opens_it() {
    let secret = |value: &str| format!("secret: {value}\n");
    let with = ["--vault-password-file", "pw"];

    let extra =
        Project::new(&[("play.yml", WRITES), ("e.yml", &vaulted(&secret("from-extra"), None))]);
    extra.play(&[&with[..], &["-e", "@e.yml"]].concat()).well().hides(&["from-extra"]);
    assert_eq!(extra.read("out"), "from-extra");

    let group = Project::new(&[
        ("play.yml", WRITES),
        ("group_vars/all/vault.yml", &vaulted(&secret("from-group"), Some("prod"))),
    ]);
    group.play(&with).well().hides(&["from-group"]);
    assert_eq!(group.read("out"), "from-group");

    let value = Project::new(&[
        ("play.yml", WRITES),
        (
            "group_vars/all.yml",
            &format!("inner: {}secret: 'x-{{{{ inner }}}}'\n", inline("in-line")),
        ),
    ]);
    value.play(&with).well().hides(&["in-line"]);
    assert_eq!(value.read("out"), "x-in-line");

    let files = Project::new(&[
        (
            "play.yml",
            "- hosts: all
  gather_facts: false
  tasks:
    - copy: {src: key.pem, dest: '{{ playbook_dir }}/out'}
    - copy: {content: \"{{ lookup('file', 'token') }}\", dest: '{{ playbook_dir }}/out2'}
    - template: {src: t.j2, dest: '{{ playbook_dir }}/out3'}
",
        ),
        ("files/key.pem", &vaulted("--- KEY ---\nMIIEvQIBADAN\n", None)),
        ("files/token", &vaulted("t0ken-of-file\n", None)),
        ("templates/t.j2", &vaulted("url=https://u:hidd3n@{{ inventory_hostname }}/\n", None)),
    ]);
    files.play(&with).well().hides(&["MIIEvQIBADAN", "t0ken-of-file", "hidd3n"]);
    assert_eq!(files.read("out"), "--- KEY ---\nMIIEvQIBADAN\n");
    assert_eq!(files.read("out2"), "t0ken-of-file");
    assert_eq!(files.read("out3"), "url=https://u:hidd3n@localhost/\n");
}

#[test]
fn an_environment_has_plain_or_encrypted_secrets() {
    let plain = "secret: of-the-environment\n";
    for secrets in [plain.to_owned(), vaulted(plain, None)] {
        let project = Project::new(&[
            ("playbooks/write.yml", &WRITES.replace("}}/out", "}}/../out")),
            ("inventories/test/hosts", "localhost ansible_connection=local\n"),
            ("inventories/test/secrets", &secrets),
        ]);
        project.write("vault-password", PASSWORD, 0o600);
        project.run(&["write", "env=test"], &[]).well();
        assert_eq!(project.read("out"), "of-the-environment");
    }
}

#[test]
fn passwords_come_from_files_scripts_and_the_environment() {
    let project = Project::new(&[
        ("play.yml", WRITES),
        ("e.yml", &vaulted("secret: abcdef\n", Some("prod"))),
    ]);
    project.write("wrong", "another", 0o600);
    let script = "#!/bin/sh\necho ran >> ran\n";
    project.write("script", &format!("{script}echo '{PASSWORD}'\n"), 0o755);
    let client = format!("#!/bin/sh\n[ \"$1 $2\" = '--vault-id prod' ] && echo '{PASSWORD}'\n");
    project.write("get-client.sh", &client, 0o755);
    project.write("loud", &format!("{script}exit 3\n"), 0o755);
    for words in [
        &["--vault-password-file", "script"][..],
        &["--vault-id", "pw"],
        &["--vault-id", "prod@pw", "--vault-id", "dev@loud"],
        &["--vault-id", "dev@wrong", "--vault-id", "other@pw"],
        &["--vault-id", "prod@get-client.sh"],
        &["--vault-password-file", "wrong", "--vault-password-file", "pw"],
    ] {
        project.play(&[words, &["-e", "@e.yml", "-e", "@e.yml"]].concat()).well();
        assert_eq!(project.read("out"), "abcdef", "{words:?}");
    }
    assert_eq!(project.read("ran"), "ran\n", "once, and only where it was needed");

    let words = ["playbook", "play.yml", "-i", "localhost,", "-c", "local", "-e", "@e.yml"];
    project.run(&words, &[("ANSIBLE_VAULT_PASSWORD_FILE", "pw")]).well();
}

#[test]
fn a_plain_project_needs_no_password() {
    let project = Project::new(&[("play.yml", WRITES)]);
    project.play(&["-e", "secret=x", "--vault-password-file", "/nowhere", "-J"]).well();
}

#[test]
fn a_missing_or_wrong_password_names_the_places() {
    let project =
        Project::new(&[("play.yml", WRITES), ("e.yml", &vaulted("secret: abcdef\n", None))]);
    fs::create_dir(project.path().join("inventories")).expect("a directory");
    project.write("wrong", "another-password", 0o600);
    let missing = project.play(&["-e", "@e.yml"]);
    assert_eq!(missing.code, 3);
    missing.says(&[
        "cannot decrypt `e.yml`: no vault password is known; looked at",
        "--vault-id, --vault-password-file and --ask-vault-pass: not given",
        "ANSIBLE_VAULT_PASSWORD_FILE: not set",
        "vault-password: no such file",
        "or write it to `vault-password` (mode 0600, ignored by git)",
    ]);
    let wrong = project.play(&["-e", "@e.yml", "--vault-password-file", "wrong", "-J"]);
    assert_eq!(wrong.code, 3);
    wrong
        .says(&[
            "no vault password fits",
            "--vault-password-file wrong: wrong password",
            "--ask-vault-pass: there is no terminal to ask on",
        ])
        .hides(&["another-password"]);

    let project = Project::new(&[
        ("play.yml", WRITES),
        ("group_vars/all.yml", &format!("secret: {}", inline("abcdef"))),
    ]);
    let missing = project.play(&[]);
    assert_eq!(missing.code, 2);
    missing.says(&["cannot decrypt: no vault password is known; looked at", "is in no project"]);
}

#[test]
fn a_password_of_the_project_that_others_can_read_is_refused() {
    let project =
        Project::new(&[("play.yml", WRITES), ("e.yml", &vaulted("secret: abcdef\n", None))]);
    fs::create_dir(project.path().join("inventories")).expect("a directory");
    for mode in [0o604, 0o640, 0o644, 0o666] {
        project.write("vault-password", PASSWORD, mode);
        let refused = project.play(&["-e", "@e.yml"]);
        assert_eq!(refused.code, 3);
        refused.says(&["readable by other users", "run `chmod 600 vault-password`"]);
    }
    project.write("vault-password", PASSWORD, 0o400);
    project.play(&["-e", "@e.yml"]).well();
    let script = format!("#!/bin/sh\necho '{PASSWORD}'\n");
    project.write("vault-password", &script, 0o757);
    project.play(&["-e", "@e.yml"]).says(&["writable by other users", "chmod go-w"]);
    project.write("vault-password", &script, 0o755);
    project.play(&["-e", "@e.yml"]).well();
}

#[test]
fn a_secret_is_never_shown() {
    let play = r#"
- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: "old {{ canary }} line\nsecond\n", dest: "{{ playbook_dir }}/out"}
    - copy: {content: "new {{ canary }} line\n{{ ('me:' ~ canary) | b64encode }}\n", dest: "{{ playbook_dir }}/out"}
    - copy: {content: "{{ {'k': [canary, value]} | to_nice_yaml }}{{ canary | to_json }}\n", dest: "{{ playbook_dir }}/yaml"}
    - copy: {content: "{{ canary | urlencode }} {{ canary | quote }} {{ 'x' * 390 }}{{ canary }}", dest: "{{ playbook_dir }}/long"}
    - copy: {src: whole, dest: "{{ playbook_dir }}/whole.out"}
    - debug: {var: canary}
    - debug: {msg: "see {{ canary }} and {{ value }}"}
    - command: "printf %s {{ canary | quote }}"
      register: printed
    - debug: {var: printed}
    - set_fact: {copied: "{{ printed.stdout }}"}
    - debug: {msg: "{{ item }}"}
      loop: ["{{ copied }}", "{{ value }}"]
    - shell: "echo {{ canary | quote }} >&2; exit 3"
      ignore_errors: true
    - command: "/nowhere/{{ value }}"
      ignore_errors: true
    - debug: {msg: "{{ canary | int + nothing }}"}
      ignore_errors: true
    - debug: {msg: "{{ broken }}"}
      ignore_errors: true
    - file: {path: "{{ playbook_dir }}/x", state: "{{ canary }}"}
      ignore_errors: true
    - fail: {msg: "{{ value }}"}
"#;
    let yaml = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let secrets =
        format!("canary: {}\nbroken: '{{{{ nothing ~ \"br0kenvalue\" }}}}'\n", yaml(CANARY));
    let value = "v4lue-of-one-var";
    let whole = "A=1\nPASSWORD=wh0lefile\nlist of things\n";
    let project = Project::new(&[
        ("play.yml", play),
        ("group_vars/all/vault", &vaulted(&secrets, None)),
        ("group_vars/all/vars", &format!("value: {}", inline(value))),
        ("files/whole", &vaulted(whole, None)),
    ]);
    for words in [&[][..], &["-C"], &["-v"], &["-vvv"]] {
        for environment in [&[][..], &[("FORCE_COLOR", "1")]] {
            let words = [
                &["playbook", "play.yml", "-i", "localhost,", "-c", "local"][..],
                &["--vault-password-file", "pw"],
                words,
            ]
            .concat();
            let ended = project.run(&words, environment);
            assert!(ended.code == 2, "{}", ended.text);
            ended
                .says(&["•••", "failed=1"])
                .hides(&[
                    "cAn4ry",
                    "5ecret",
                    "v4lue",
                    "wh0le",
                    "br0ken",
                    "list of things",
                    PASSWORD,
                ])
                .hides(&["Y0FuNHJ5", "NBbjRyeS", "jQW40cn"]);
        }
    }
}

#[test]
fn a_mistake_in_an_encrypted_file_is_placed_and_not_quoted() {
    for text in [
        "a: 1\nsecret: [hunter2-x, 'y\n",
        "a: 1\nsecret: !hunter2-x y\n",
        "a: 1\nhunter2-x\n",
        "- hunter2-x\n",
        "a: 1\n? [hunter2-x]\n: 1\n",
    ] {
        let project = Project::new(&[("play.yml", WRITES), ("e.yml", &vaulted(text, None))]);
        let ended = project.play(&["-e", "@e.yml", "--vault-password-file", "pw"]);
        assert_eq!(ended.code, 3, "{}", ended.text);
        ended.says(&["e.yml:"]).hides(&["hunter2"]);
    }
}

#[test]
fn a_mistake_in_an_encrypted_template_or_task_file_is_not_quoted() {
    let play = "- hosts: all
  gather_facts: false
  tasks:
    - template: {src: t.j2, dest: '{{ playbook_dir }}/out'}
      ignore_errors: true
    - debug: {msg: \"{{ lookup('template', 't.j2') }}\"}
      ignore_errors: true
    - debug: {msg: \"{{ lookup('template', 'ok.j2') }}\"}
    - fail:
";
    let project = Project::new(&[
        ("play.yml", play),
        ("templates/t.j2", &vaulted("a\npass=hunter2-t {{ nothing }}\n", None)),
        ("templates/ok.j2", &vaulted("pass=hunter2-t {% if true %}hunter2-u{% endif %}\n", None)),
    ]);
    let ended = project.play(&["--vault-password-file", "pw", "-vvv"]);
    assert_eq!(ended.code, 2, "{}", ended.text);
    ended.says(&["`nothing` is undefined", "ignored=2"]).hides(&["hunter2"]);

    let tasks = "- debug: {msg: hunter2-x}\n- nonsense: {msg: hunter2-y}\n";
    project.write("tasks.yml", &vaulted(tasks, None), 0o644);
    project.write("play.yml", "- hosts: all\n  tasks:\n    - import_tasks: tasks.yml\n", 0o644);
    let ended = project.play(&["--vault-password-file", "pw"]);
    assert_eq!(ended.code, 3, "{}", ended.text);
    ended.says(&["tasks.yml:2:3", "no module or keyword `nonsense`"]).hides(&["hunter2"]);
}
