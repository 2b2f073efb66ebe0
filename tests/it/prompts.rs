//! `vars_prompt` and `--step` at a terminal: what is asked, and what becomes of the answers.

use crate::place::Place;
use crate::terminal::Terminal;

const PLAY: &str = r#"
- hosts: localhost
  gather_facts: false
  vars: {what: a colour, usual: blue}
  vars_prompt:
    - {name: colour, prompt: "Name {{ what }}", default: "{{ usual }}", private: false}
    - {name: number, default: 7}
    - {name: empty, prompt: Nothing, private: false}
    - {name: twice, prompt: Twice, confirm: true}
    - {name: given, prompt: Never asked}
    - {name: template, private: false}
    - {name: text, private: false, unsafe: true}
  tasks:
    - debug: {msg: "{{ [colour, number is string and number | int, empty, twice | length, given, template, text] | to_json }}"}
"#;

const CALL: [&str; 4] = ["playbook", "play.yml", "-e", "given=yes"];

#[test]
fn questions_are_ansibles() {
    let place = Place::new();
    place.write("play.yml", PLAY);
    let mut terminal = Terminal::rprov(&place, &CALL, &[]);
    terminal.expect("Name a colour [blue]: ");
    terminal.press("\r");
    terminal.answer("number: ", "");
    terminal.expect("Nothing: ");
    terminal.press("\r");
    terminal.answer("Twice: ", "hunter22");
    terminal.answer("confirm Twice: ", "hunter23");
    terminal.expect("the answers differ");
    terminal.answer("Twice: ", "hunter24");
    terminal.answer("confirm Twice: ", "hunter24");
    terminal.expect("template: ");
    terminal.press("{{ 1 + 1 }}\r");
    terminal.expect("text: ");
    terminal.press("{{ 1 + 1 }}\r");
    let ended = terminal.end().well();
    let expected = r#"[\"blue\", 7, \"\", 8, \"yes\", 2, \"{{ 1 + 1 }}\"]"#;
    ended.says(&[expected]).hides(&["hunter"]);
}

#[test]
fn without_a_terminal_only_a_default_will_do() {
    let place = Place::new();
    place.write("play.yml", PLAY);
    let ended = place.rprov(&CALL);
    ended.refused(&["no value was given for `empty`", "give it on the command line: `-e empty=…`"]);
}

#[test]
fn a_step_is_asked_for_until_the_end_of_the_play() {
    let play = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - {name: one, debug: {msg: ran 1}}\n    \
                - {name: two, debug: {msg: ran 2}}\n    - {name: three, debug: {msg: ran 3}}\n";
    let place = Place::new();
    place.write("play.yml", format!("{play}{play}"));
    let mut terminal = Terminal::rprov(&place, &["playbook", "play.yml", "--step"], &[]);
    let question = |task: &str| format!("Perform task: TASK: {task} (N)o/(y)es/(c)ontinue: ");
    terminal.expect(&question("one"));
    terminal.press("n\r");
    terminal.expect(&question("two"));
    terminal.press("c\r");
    terminal.expect("ran 3");
    for answer in ["\r", "Y\r", "no\r"] {
        terminal.expect("(N)o/(y)es/(c)ontinue: ");
        terminal.press(answer);
    }
    let ended = terminal.end().well();
    assert_eq!(ended.out.matches("ran 2").count(), 2, "{}", ended.out);
    assert_eq!(ended.out.matches("ran 1").count(), 0, "{}", ended.out);
}

/// A password to log in that may serve to become another user, too, is named as such.
#[test]
fn passwords_are_asked_for_in_ansibles_words() {
    let place = Place::new();
    place.write("play.yml", "- hosts: localhost\n  gather_facts: false\n  tasks: []\n");
    let mut terminal = Terminal::rprov(&place, &["playbook", "play.yml", "-k", "-K"], &[]);
    terminal.answer("SSH password: ", "one");
    terminal.answer("BECOME password[defaults to SSH password]: ", "");
    terminal.end().well();
    let own = [("ANSIBLE_AGNOSTIC_BECOME_PROMPT", "false")];
    let words = ["playbook", "play.yml", "-K", "--become-method", "su"];
    let mut terminal = Terminal::rprov(&place, &words, &own);
    terminal.answer("SU password: ", "two");
    terminal.end().well();
}
