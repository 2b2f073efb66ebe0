# shellcheck shell=bash disable=SC2034,SC2154
# The main story: `env=test` on a host that was bare a minute ago.

scenario_1_ping() {
  env_test ping
  is 0 "$code" "the exit code"; says 'web-test | SUCCESS => {'; says '"ping": "pong"'
}

# A check on the bare host, the run, the run again: the check predicts exactly what the run changes.
scenario_2_provision() {
  fresh 1; tests/lab/services.sh trust 1
  stamp 1
  local checked touched
  env_test provision --check; checked=$code; cp "$LOG" "$OUT/check.log"; touched=$(touched 1)
  env_test provision --diff; is 0 "$code" "the exit code"; cp "$LOG" "$OUT/first.log"
  is 0 "$(unsettled)" "the number of unsettled tasks"; says 'Catalogue (test) on web-test'
  [ "$(recap web-test changed)" -gt 10 ]
  stamp 1
  env_test provision; is 0 "$code" "the exit code"; is 0 "$(recap web-test changed)" "changed in the second run"
  is "" "$(touched 1)" "what the second run touched"; is "" "$(processes 1)" "what the session left running"
  is 0 "$checked" "the check's exit code"; is "" "$touched" "what the check touched"
  diff <(changes "$OUT/check.log") <(changes "$OUT/first.log")
}

# What a person would look at afterwards.
scenario_3_provisioned_host() {
  is "Python 3.12.7" "$(on 1 'bash -lc "python -V"')" "the login shell's Python"
  is "v20.20.2" "$(on 1 'bash -lc "node -v"')" "the login shell's Node"
  is "v20.20.2" "$(on 1 /usr/local/bin/node -v)" "the linked Node"
  is "active active" "$(on 1 'systemctl is-active nginx supervisor | paste -sd" "')" "nginx and supervisor"
  is 2 "$(on 1 'supervisorctl status | grep -c RUNNING')" "the number of running programs"
  is 1 "$(on 1 'crontab -l | grep -cx "#Ansible: certs_renewal"')" "the number of renewal markers"
  on 1 'crontab -l | grep -q "^@weekly certbot renew -q"'
  curl -fsS --cacert "$LAB/services/acme/root.pem" --resolve "catalogue.lab.test:443:$(tests/lab/lab.sh ip 1)" https://catalogue.lab.test/ | grep -F 'Catalogue (test) on web-test'
  curl -fsS --cacert "$LAB/services/acme/root.pem" --resolve "catalogue.lab.test:443:$(tests/lab/lab.sh ip 1)" https://catalogue.lab.test/front/ | grep -F 'Served by Node v20.20.2'
}

# Other versions, by variable only: the new ones are installed, the old ones are gone, the programs run on them.
scenario_4_other_versions() {
  env_test provision python_version=3.12.4 node_version=22.23.3; is 0 "$code" "the exit code"
  [ "$(recap web-test changed)" -ge 2 ]
  is "3.12.4" "$(on 1 'ls /opt/pyenv/versions')" "the installed Pythons"; is "v22.23.3" "$(on 1 'ls /opt/nvm/versions/node')" "the installed Nodes"
  on 1 'curl -fsSk --resolve catalogue.lab.test:443:127.0.0.1 https://catalogue.lab.test/front/' | grep -F v22.23.3
  env_test provision python_version=3.12.4 node_version=22.23.3; is 0 "$(recap web-test changed)" "changed in the second run"
}

# The certificate is asked for once and not again; a revoked one is replaced.
scenario_5_certificate_is_kept() {
  local serial; serial=$(on 1 'openssl x509 -noout -serial -in /etc/letsencrypt/live/catalogue.lab.test/cert.pem')
  env_test provision python_version=3.12.4 node_version=22.23.3; is 0 "$code" "the exit code"
  is "$serial" "$(on 1 'openssl x509 -noout -serial -in /etc/letsencrypt/live/catalogue.lab.test/cert.pem')" "the certificate's serial number"
}

scenario_6_deploy() {
  env_test deploy python_version=3.12.4 node_version=22.23.3 app_title=Neu; is 0 "$code" "the exit code"
  says 'Neu on web-test'
  is "TASK [app : The settings are in place] changed: [web-test]
RUNNING HANDLER [app : Restart api] changed: [web-test]" "$(changes "$LOG")" "what the deployment changed"
}
