# `env=demo` on this very machine: it needs nothing, and leaves nothing.

scenario_demo() {
  mkdir -p /run/rprov-test; touch /run/rprov-test/stamp; sleep 1
  ok_rp provision env=demo; says 'Catalogue (demo) on web-demo'
  ! test -e /srv/catalogue; ! id catalogue; ! test -e /usr/sbin/policy-rc.d -a /usr/sbin/policy-rc.d -nt /run/rprov-test/stamp
  is "" "$(find /etc -xdev -newer /run/rprov-test/stamp -type f 2>/dev/null)" "what changed in /etc of this machine"
  ! curl -s http://127.0.0.1:8088/ ; rm -rf /run/rprov-test
}
