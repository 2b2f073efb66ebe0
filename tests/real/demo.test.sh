# shellcheck shell=bash disable=SC2034,SC2154
# `env=demo` on this very machine: it needs nothing, and leaves nothing.

scenario_demo() {
  mkdir -p /run/rprov-test; touch /run/rprov-test/stamp; sleep 1
  ok_rp provision env=demo; says 'Catalogue (demo) on web-demo'
  not test -e /srv/catalogue; not id catalogue; not test /usr/sbin/policy-rc.d -nt /run/rprov-test/stamp
  is "" "$(find /etc -xdev -newer /run/rprov-test/stamp -type f 2>/dev/null)" "what changed in /etc of this machine"
  not curl -s http://127.0.0.1:8088/; rm -rf /run/rprov-test
}
