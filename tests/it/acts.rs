//! Acts: asked once, in their own turn, and not at all in check mode.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rprov::session::embedded::{Cut, ServerOptions};

use super::promises::Lab;

/// A port that counts who connects.
fn port() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ =
                stream.map(|mut stream| std::io::Write::write_all(&mut stream, b"hello 42\r\n"));
        }
    });
    (port, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_is_asked_once_and_not_ahead() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let (port, count) = port();
    let tasks = format!(
        "    - {{stat: {{path: '{{{{ d }}}}/f'}}, register: before}}
    - {{wait_for: {{port: {port}}}, when: before.stat.exists}}
    - wait_for: {{port: {port}}}
    - {{stat: {{path: '{{{{ d }}}}/f'}}}}
    - assert: {{that: not before.stat.exists}}
"
    );
    let (text, code) = lab.run(&tasks, &[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("ok=4 ") && text.contains("changed=0 "), "{text}");
    assert_eq!(count.load(Ordering::SeqCst), 1, "{text}");

    let (text, code) = lab.run(&tasks, &["--check"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("ok=3 ") && text.contains("skipped=2 "), "{text}");
    assert_eq!(count.load(Ordering::SeqCst), 1, "check mode does not act: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_before_an_act_is_not_used_behind_it() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    // While it waits another process makes the file.
    let tasks = "    - {stat: {path: '{{ d }}/f'}, register: before}
    - shell: (sleep 1; echo ready 7 > {{ d }}/f) > /dev/null 2>&1 &
    - {wait_for: {path: '{{ d }}/f', search_regex: 'ready (?P<n>\\d+)', timeout: 20}, register: waited}
    - {stat: {path: '{{ d }}/f'}, register: after}
    - assert:
        that:
        - not before.stat.exists and after.stat.exists
        - waited is not changed and waited.state == 'file' and waited.size == 8
        - waited.match_groups == ['7'] and waited.match_groupdict.n == '7'
";
    let (text, code) = lab.run(tasks, &[]).await;
    assert_eq!(code, 0, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_whose_fate_is_not_known_is_not_repeated() {
    let cut = ServerOptions { cut: Some(Cut::BeforeAnswer(4)), ..ServerOptions::default() };
    let lab = Lab::new(vec![cut]).await;
    let (port, count) = port();
    let (text, code) = lab.run(&format!("    - wait_for: {{port: {port}}}\n"), &[]).await;
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("took place is unknown"), "{text}");
    thread::sleep(Duration::from_millis(300));
    assert!(count.load(Ordering::SeqCst) <= 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_as_it_should() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let (port, _) = port();
    let tasks = format!(
        "    - {{wait_for: {{port: {port}, search_regex: 'hello (\\d+)'}}, register: said}}
    - {{wait_for: {{port: 1, state: stopped}}}}
    - {{wait_for: {{path: '{{{{ d }}}}/none', state: absent}}, register: absent}}
    - {{wait_for: {{port: {port}, state: stopped, timeout: 1, msg: still open}}, register: open, ignore_errors: true}}
    - {{wait_for: {{path: '{{{{ d }}}}/none', timeout: 1}}, register: late, ignore_errors: true}}
    - {{wait_for: {{path: /dev/null/none, timeout: 9}}, register: wrong, ignore_errors: true}}
    - {{wait_for: {{port: 1, state: drained}}}}
    - {{wait_for: {{port: {port}}}, async: 10, poll: 1, register: job, ignore_errors: true}}
    - {{wait_for: {{timeout: 60}}, timeout: 1, register: cut, ignore_errors: true}}
    - assert:
        that:
        - said.match_groups == ['42'] and said.port == {port} and said.state == 'started'
        - absent.state == 'absent' and absent.elapsed < 2
        - open.msg == 'still open' and open.elapsed >= 1
        - late.msg is match('Timeout when waiting for file /')
        - wrong.msg == 'Failed to stat /dev/null/none, Not a directory' and wrong.elapsed < 2
        - job.msg == '`wait_for` cannot be run with `async`'
        - cut.timedout.period == 1
"
    );
    let (text, code) = lab.run(&tasks, &[]).await;
    assert_eq!(code, 0, "{text}");
}
