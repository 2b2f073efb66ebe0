//! Files brought from hosts, archives unpacked there, hosts that are waited for and restarted.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use rprov::session::embedded::ServerOptions;

use super::promises::Lab;

async fn works(lab: &Lab, tasks: &str) -> String {
    let (text, code) = lab.run(tasks, &[]).await;
    assert_eq!(code, 0, "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_brought_whole_and_only_if_they_differ() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let path = |name: &str| lab.dir.path().join(name);
    // Larger than a piece, and no text.
    let bytes: Vec<u8> =
        (0..9_000_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(path("host/big"), &bytes).expect("written");
    fs::write(path("host/empty"), "").expect("written");
    fs::write(path("host/small"), "one\n").expect("written");
    let tasks = "    - {fetch: {src: '{{ d }}/big', dest: here}, register: big}
    - {fetch: {src: '{{ d }}/big', dest: here}, register: again}
    - {fetch: {src: '{{ d }}/empty', dest: flat/, flat: true}, register: empty}
    - {fetch: {src: '{{ d }}/small', dest: flat/named, flat: true}, register: small}
    - {copy: {dest: '{{ d }}/small', content: \"two\\n\"}}
    - {fetch: {src: '{{ d }}/small', dest: flat/named, flat: true}, register: other}
    - {fetch: {src: '{{ d }}/none', dest: flat/, flat: true}, register: lost, ignore_errors: true}
    - {fetch: {src: '{{ d }}/none', dest: flat/, flat: true, fail_on_missing: false}, register: allowed}
    - {fetch: {src: '{{ d }}', dest: flat/, flat: true}, register: directory, ignore_errors: true}
    - {fetch: {src: '{{ d }}/small', dest: flat, flat: true}, register: slash, ignore_errors: true}
    - assert:
        that:
        - big is changed and again is not changed and big.checksum == again.checksum
        - big.dest is match('.*/here/h0/.*/host/big$')
        - empty is changed and small is changed and other is changed
        - small.checksum == (\"one\\n\" | hash('sha1')) and other.md5sum == (\"two\\n\" | hash('md5'))
        - lost.msg == 'the remote file does not exist'
        - allowed is not changed and allowed is not failed
        - directory.msg == 'remote file is a directory, fetch cannot work on directories'
        - slash is failed and 'trailing slash' in slash.msg
";
    works(&lab, tasks).await;
    let big = format!("here/h0{}/host/big", lab.dir.path().display());
    assert!(fs::read(path(&big)).expect("brought") == bytes);
    assert_eq!(fs::read_to_string(path("flat/named")).expect("brought"), "two\n");
    assert_eq!(fs::read_to_string(path("flat/empty")).expect("brought"), "");
    let left = fs::read_dir(path("flat")).expect("a directory").count();
    assert_eq!(left, 2, "nothing else is left");

    let check = "    - {fetch: {src: '{{ d }}/small', dest: checked/}, register: r}
    - {assert: {that: r is skipped}}
";
    let (text, code) = lab.run(check, &["--check"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(!path("checked").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_unpacked_if_they_differ() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let path = |name: &str| lab.dir.path().join(name);
    fs::create_dir_all(path("made/top/in")).expect("directories");
    fs::write(path("made/top/a b"), "one\n").expect("written");
    fs::write(path("made/top/in/c"), vec![7; 300_000]).expect("written");
    std::os::unix::fs::symlink("a b", path("made/top/l")).expect("a link");
    let tar = |flag: &str, name: &str| {
        let mut command = Command::new("tar");
        command.arg(flag).arg(path(name)).arg("-C").arg(path("made")).arg("top");
        command.status().expect("tar runs").success()
    };
    assert!(tar("-czf", "a.tgz") && tar("-cf", "host/a.tar"));
    for name in ["plain", "stripped", "remote"] {
        fs::create_dir(path("host").join(name)).expect("a directory");
    }
    let tasks = "    - {unarchive: {src: '{{ playbook_dir }}/a.tgz', dest: '{{ d }}/plain', list_files: true}, register: first}
    - {unarchive: {src: '{{ playbook_dir }}/a.tgz', dest: '{{ d }}/plain'}, register: second}
    - {copy: {dest: '{{ d }}/plain/top/a b', content: \"two\\n\"}}
    - {unarchive: {src: '{{ playbook_dir }}/a.tgz', dest: '{{ d }}/plain', mode: 'u=rwX,go='}, register: third}
    - {unarchive: {src: '{{ playbook_dir }}/a.tgz', dest: '{{ d }}/plain', mode: 'u=rwX,go=rX'}, register: modes}
    - {unarchive: {src: '{{ playbook_dir }}/a.tgz', dest: '{{ d }}/plain', mode: 'u=rwX,go=rX'}, register: fourth}
    - {unarchive: {src: '{{ playbook_dir }}/a.tgz', dest: '{{ d }}/stripped', extra_opts: --strip-components=1, exclude: [top/in]}, register: stripped}
    - {unarchive: {src: '{{ d }}/a.tar', dest: '{{ d }}/remote', remote_src: true, include: [top/in/c]}, register: remote}
    - {unarchive: {src: '{{ d }}/a.tar', dest: '{{ d }}/remote', remote_src: true, creates: '{{ d }}/remote/top'}, register: created}
    - {unarchive: {src: '{{ d }}/none.tar', dest: '{{ d }}/remote', remote_src: true}, register: lost, ignore_errors: true}
    - {unarchive: {src: '{{ d }}/a.tar', dest: '{{ d }}/nowhere', remote_src: true}, register: nowhere, ignore_errors: true}
    - assert:
        that:
        - first is changed and first.handler == 'TgzArchive' and first.state == 'directory'
        - first.files | sort == ['top/', 'top/a b', 'top/in/', 'top/in/c', 'top/l']
        - second is not changed and third is changed and modes is changed and fourth is not changed
        - stripped is changed and remote is changed and remote.handler == 'TarArchive'
        - created is not changed
        - lost is failed and 'does not exist' in lost.msg
        - nowhere is failed and 'must be an existing dir' in nowhere.msg
";
    works(&lab, tasks).await;
    assert_eq!(fs::read_to_string(path("host/plain/top/a b")).expect("unpacked"), "one\n");
    let mode =
        |name: &str| fs::metadata(path(name)).expect("unpacked").permissions().mode() & 0o777;
    assert_eq!((mode("host/plain/top/a b"), mode("host/plain/top/in")), (0o644, 0o755));
    assert!(path("host/stripped/l").is_symlink() && !path("host/stripped/in").exists());
    assert!(path("host/remote/top/in/c").exists() && !path("host/remote/top/l").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_host_is_known_by_its_boot_id() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    fs::write(lab.dir.path().join("host/boot"), "one\n").expect("written");
    let tasks = "    - {stat: {path: '{{ d }}/late'}, register: before}
    - reboot:
        boot_time_command: cat {{ d }}/boot
        reboot_command: (sleep 1; echo two > {{ d }}/boot; touch {{ d }}/late) > /dev/null 2>&1 &
        test_command: test -e {{ d }}/late
        reboot_timeout: 30
      register: again
    - {stat: {path: '{{ d }}/late'}, register: after}
    - reboot: {boot_time_command: 'cat {{ d }}/boot', reboot_command: 'true', reboot_timeout: 2}
      register: never
      ignore_errors: true
    - reboot: {boot_time_command: 'cat {{ d }}/boot', reboot_command: 'echo no >&2; false'}
      register: refused
      ignore_errors: true
    - {reboot: {boot_time_command: 'false'}, register: unknown, ignore_errors: true}
    - {wait_for_connection: {timeout: 10}, register: waited}
    - assert:
        that:
        - not before.stat.exists and after.stat.exists
        - again is changed and again.rebooted and again.elapsed >= 1
        - never is failed and never.rebooted and 'timeout=2' in never.msg
        - refused is failed and not refused.rebooted and 'no' in refused.msg
        - unknown is failed and unknown is not changed
        - waited is not changed and waited.elapsed < 10
";
    works(&lab, tasks).await;
    let check = "    - {reboot: {reboot_command: 'touch {{ d }}/done'}, register: r}
    - {wait_for_connection: {}, register: w}
    - {assert: {that: [r is changed and r.rebooted, w is skipped]}}
";
    let (text, code) = lab.run(check, &["--check"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(!lab.dir.path().join("host/done").exists());
}
