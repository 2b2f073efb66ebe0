//! `uri` and `get_url` against a small server, on an embedded host.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::symlink,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use rprov::session::embedded::ServerOptions;

use super::promises::Lab;

/// What was asked: the line of the request, its headers, its body.
type Asked = Arc<Mutex<Vec<String>>>;

fn serve() -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let asked = Asked::default();
    let told = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let told = told.clone();
            thread::spawn(move || answer(stream, &told));
        }
    });
    (port, asked)
}

fn answer(mut stream: TcpStream, asked: &Asked) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().expect("a number");
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let body = String::from_utf8_lossy(&body).into_owned();
    asked.lock().expect("unpoisoned").push(format!("{head}\n{body}"));
    let path = head.split(' ').nth(1).unwrap_or_default();
    let has = |header: &str| head.lines().any(|line| line.eq_ignore_ascii_case(header));
    let (status, more, content) = match path {
        "/json" => {
            ("200 OK", "Content-Type: application/json\r\nX-Two: 1\r\nX-Two: 2", "{\"a\": [1, 2]}")
        }
        "/cookie" => ("302 Found", "Location: /json\r\nSet-Cookie: id=7; Path=/", ""),
        "/text" => ("200 OK", "Content-Type: text/plain", "hello\n"),
        "/new" if head.to_lowercase().contains("if-modified-since") => {
            ("304 Not Modified", "X: y", "")
        }
        "/new" => ("200 OK", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "content\n"),
        "/named" => ("200 OK", "Content-Disposition: attachment; filename=\"n.txt\"", "named\n"),
        "/sums" => (
            "200 OK",
            "X: y",
            "00  other\n434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53  new\n",
        ),
        // me:s3cret
        "/door" if has("Authorization: Basic bWU6czNjcmV0") => ("200 OK", "X: y", "in"),
        "/door" => ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"", "who?"),
        _ => ("404 Not Found", "Content-Type: text/plain", "nothing here"),
    };
    let length = content.len();
    let head = format!("HTTP/1.1 {status}\r\n{more}\r\nContent-Length: {length}\r\n");
    let _ = write!(stream, "{head}Connection: close\r\n\r\n{content}");
}

/// Whether there is a tool; the host of these tests is this machine.
fn there(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no {tool} here");
    }
    found
}

async fn works(lab: &Lab, tasks: &str) -> String {
    let (text, code) = lab.run(tasks, &[]).await;
    assert_eq!(code, 0, "{text}");
    text
}

fn requests(u: &str) -> String {
    format!(
        "    - {{uri: {{url: '{u}/json'}}, register: json}}
    - {{uri: {{url: '{u}/json', method: POST, body: {{x: [1, two]}}, body_format: json, headers: {{X-Own: 'a \"b\" \\c'}}}}}}
    - {{uri: {{url: '{u}/text', method: PUT, body: {{a: [1, 'b c'], d: '&ü'}}, body_format: form-urlencoded}}}}
    - {{uri: {{url: '{u}/cookie'}}, register: cookie}}
    - {{uri: {{url: '{u}/door', url_username: me, url_password: s3cret, return_content: true}}, register: door}}
    - {{uri: {{url: '{u}/none', return_content: true}}, register: lost, ignore_errors: true}}
    - {{uri: {{url: '{u}/none', status_code: [200, 404]}}, register: allowed}}
    - {{uri: {{url: 'http://127.0.0.1:1/'}}, register: refused, ignore_errors: true}}
    - {{uri: {{url: '{u}/text', dest: '{{{{ d }}}}/body', mode: '0600'}}, register: body}}
    - {{uri: {{url: '{u}/text', dest: '{{{{ d }}}}/body', force: true}}, register: again}}
    - {{uri: {{url: '{u}/text', creates: '{{{{ d }}}}/body'}}, register: created}}
    - assert:
        that:
        - json.status == 200 and json.json.a == [1, 2] and json.x_two == '1, 2' and json is not changed
        - json.content is not defined and json.url == '{u}/json' and not json.redirected
        - cookie.redirected and cookie.url == '{u}/json' and cookie.cookies.id == '7'
        - door.content == 'in' and door.msg == 'OK (2 bytes)'
        - lost.status == 404 and lost.content == 'nothing here'
        - \"lost.msg == 'Status code was 404 and not [200]: HTTP Error 404: Not Found'\"
        - allowed.status == 404
        - refused.status == -1 and 'refused' in refused.msg | lower or 'connect' in refused.msg
        - body is changed and body.mode == '0600' and body.size == 6 and again is not changed
        - created.stdout is match('skipped, since')
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_made_and_answers_told() {
    if !there("curl") {
        return;
    }
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let (port, asked) = serve();
    let tasks = requests(&format!("http://127.0.0.1:{port}"));
    works(&lab, &tasks).await;
    let all = asked.lock().expect("unpoisoned").clone();
    // The password is asked for first.
    assert_eq!(all.len(), 11, "{all:#?}");
    let post = &all[1];
    assert!(post.starts_with("POST /json ") && post.ends_with("\n{\"x\": [1, \"two\"]}"), "{post}");
    assert!(post.contains("X-Own: a \"b\" \\c\r\n"), "{post}");
    assert!(post.contains("Content-Type: application/json\r\n"), "{post}");
    assert!(all[2].ends_with("\na=1&a=b+c&d=%26%C3%BC"), "{}", all[2]);
    assert!(all[4].starts_with("GET /json ") && all[4].contains("Cookie: id=7"), "{}", all[4]);

    let (text, code) = lab
        .run(&tasks.replace("    - assert:", "    - meta: end_play\n    - assert:"), &["--check"])
        .await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("skipped=10 "), "{text}");
    assert_eq!(asked.lock().expect("unpoisoned").len(), 11, "nothing is asked in check mode");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_made_with_wget_where_there_is_no_curl() {
    if !there("wget") {
        return;
    }
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let tools = lab.dir.path().join("tools");
    fs::create_dir(&tools).expect("a directory");
    for directory in ["/usr/bin", "/bin"] {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            if entry.file_name() != "curl" {
                // It may stand in both.
                let _ = symlink(entry.path(), tools.join(entry.file_name()));
            }
        }
    }
    let (port, asked) = serve();
    let u = format!("http://127.0.0.1:{port}");
    let block = |tasks: &str| {
        let tasks = tasks.replace("\n    ", "\n      ");
        format!(
            "    - environment: {{PATH: '{}'}}\n      block:\n      {}",
            tools.display(),
            tasks.trim_start()
        )
    };
    works(&lab, &block(&requests(&u))).await;
    works(&lab, &block(&downloads(&u))).await;
    let all = asked.lock().expect("unpoisoned").join("\n");
    assert!(all.contains("User-Agent: ansible-httpget"), "{all}");
    assert!(!all.to_lowercase().contains("curl"), "{all}");
}

fn downloads(u: &str) -> String {
    format!(
        "    - {{get_url: {{url: '{u}/new', dest: '{{{{ d }}}}/g', mode: '0640', checksum: 'sha256:{u}/sums'}}, register: first}}
    - {{get_url: {{url: '{u}/new', dest: '{{{{ d }}}}/g', checksum: 'sha256:{u}/sums'}}, register: second}}
    - {{get_url: {{url: '{u}/new', dest: '{{{{ d }}}}/g'}}, register: third}}
    - {{get_url: {{url: '{u}/new', dest: '{{{{ d }}}}/g', force: true}}, register: fourth}}
    - {{get_url: {{url: '{u}/text', dest: '{{{{ d }}}}/g', backup: true}}, register: other}}
    - {{get_url: {{url: '{u}/named', dest: '{{{{ d }}}}'}}, register: named}}
    - {{get_url: {{url: '{u}/named', dest: '{{{{ d }}}}'}}, register: named_again}}
    - {{get_url: {{url: '{u}/text', dest: '{{{{ d }}}}/wrong', checksum: 'md5:00'}}, register: wrong, ignore_errors: true}}
    - {{get_url: {{url: '{u}/none', dest: '{{{{ d }}}}/none'}}, register: lost, ignore_errors: true}}
    - {{stat: {{path: '{{{{ d }}}}/wrong'}}, register: left}}
    - assert:
        that:
        - first is changed and first.mode == '0640' and first.size == 8 and first.status_code == 200
        - first.checksum_src == '7fe70820e08a1aac0ef224d9c66ab66831cc4ab1'
        - second is not changed and second.msg == 'file already exists'
        - third is not changed and third.status_code == 304 and fourth is not changed
        - other is changed and other.size == 6 and other.mode == '0640'
        - named is changed and named.dest is match('.*/n.txt$') and named_again is not changed
        - wrong is failed and 'did not match 00' in wrong.msg and not left.stat.exists
        - lost is failed and lost.status_code == 404
    - {{slurp: {{src: '{{{{ other.backup_file }}}}'}}, register: kept}}
    - assert: {{that: \"kept.content | b64decode == 'content\\\\n'\"}}
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_downloaded_if_they_differ() {
    if !there("curl") {
        return;
    }
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let (port, asked) = serve();
    let u = format!("http://127.0.0.1:{port}");
    let check = format!(
        "    - {{get_url: {{url: '{u}/text', dest: '{{{{ d }}}}/g'}}, register: r}}\n    - assert: {{that: r is changed}}\n"
    );
    let (text, code) = lab.run(&check, &["--check"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(asked.lock().expect("unpoisoned").is_empty() && lab.tree().is_empty(), "{text}");
    works(&lab, &downloads(&u)).await;
    let names: Vec<String> = lab.tree().into_keys().collect();
    assert_eq!(names.len(), 3, "the file, the one kept, the one in a directory: {names:?}");
    let all = asked.lock().expect("unpoisoned").clone();
    let of = |path: &str| all.iter().filter(|it| it.starts_with(&format!("GET {path} "))).count();
    // Downloaded once; asked whether it is newer; once by force.
    assert_eq!(of("/new"), 3, "{all:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_found_and_made() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let tasks = "    - {tempfile: {state: directory, path: '{{ d }}', prefix: w, suffix: .d}, register: made}
    - {copy: {dest: '{{ made.path }}/a.txt', content: \"one\\ntwo words\\n\"}}
    - {copy: {dest: '{{ made.path }}/b.log', content: \"{{ 'x' * 2000 }}\"}}
    - {file: {path: '{{ made.path }}/in/.hidden', state: directory}}
    - {copy: {dest: '{{ made.path }}/in/c[1] d.txt', content: three, mode: '0600'}}
    - {find: {paths: '{{ made.path }}', recurse: true}, register: all}
    - {find: {paths: '{{ made.path }}', recurse: true, patterns: '*.txt', contains: two, get_checksum: true}, register: two}
    - {find: {paths: ['{{ made.path }}', /none], file_type: any, hidden: true, recurse: true, size: -1k, mode: '0700', exact_mode: false}, register: any}
    - {find: {paths: '{{ made.path }}', recurse: true, patterns: ['^[bc]'], excludes: ['.*log$'], use_regex: true, age: -1h, limit: 5}, register: named}
    - assert:
        that:
        - made is changed and made.mode == '0700' and made.state == 'directory'
        - made.path is match('.*/w[0-9a-f]+[.]d$')
        - all.files | map(attribute='path') | map('basename') | list == ['a.txt', 'b.log', 'c[1] d.txt']
        - all.matched == 3 and all.examined == 5 and all is not changed
        - two.matched == 1 and two.files[0].checksum == (\"one\\ntwo words\\n\" | hash('sha1'))
        - any.files | map(attribute='path') | map('basename') | list == ['a.txt', 'in', 'c[1] d.txt', '.hidden']
        - any.skipped_paths['/none'] is match('.*is not a directory')
        - named.files | map(attribute='size') | list == [5] and named.files[0].mode == '0600'
";
    works(&lab, tasks).await;
}
