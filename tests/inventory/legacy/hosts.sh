#!/bin/sh
# The forms that only the oldest of scripts print.
case $1 in
--list) cat <<'EOF'
{
  "listed": ["l1", "l2"],
  "alone": {"port": 1, "text": {"__ansible_unsafe": "{{ never }}"}},
  "proper": {"hosts": ["p1"], "vars": {"v": {"deep": [1, {"__ansible_unsafe": "u"}]}}, "children": ["listed", "later"]},
  "later": {"hosts": []}
}
EOF
;;
--host) case $2 in
  l1) echo '{"only": "l1", "e": 1e3}' ;;
  l2) ;;
  *) echo '{}' ;;
  esac ;;
esac
