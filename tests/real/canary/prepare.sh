# On the host: what the canary's tasks fetch, behind a login (standard input: user:password).
set -e
mkdir -p /srv/canary/simple/bird && cd /srv/canary
umask 077; cat >login; umask 022
git config --global user.name canary; git config --global user.email canary@host.test
git init -q work && cd work
echo 'from setuptools import setup; setup(name="canary-app", version="1", py_modules=["canary_app"])' >setup.py
echo 'here = True' >canary_app.py
git add . && git commit -qm first && cd ..
git clone -q --bare work app.git && git -C app.git update-server-info
# A wheel, by hand; and a Debian package.
mkdir -p wheel/bird-1.dist-info
echo 'sings = True' >wheel/bird.py
printf 'Metadata-Version: 2.1\nName: bird\nVersion: 1\n' >wheel/bird-1.dist-info/METADATA
printf 'Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n' >wheel/bird-1.dist-info/WHEEL
printf 'bird.py,,\nbird-1.dist-info/METADATA,,\nbird-1.dist-info/WHEEL,,\nbird-1.dist-info/RECORD,,\n' >wheel/bird-1.dist-info/RECORD
(cd wheel && python3 -m zipfile -c ../simple/bird/bird-1-py3-none-any.whl bird.py bird-1.dist-info)
echo '<a href="bird-1-py3-none-any.whl">bird-1-py3-none-any.whl</a>' >simple/bird/index.html
mkdir -p deb/DEBIAN
printf 'Package: canary-bird\nVersion: 1\nArchitecture: all\nMaintainer: canary\nDescription: a bird\n' >deb/DEBIAN/control
dpkg-deb -b deb bird.deb >/dev/null
systemd-run --quiet --unit=canary-server --working-directory=/srv/canary python3 /srv/canary/serve.py /srv/canary/login
for _ in $(seq 100); do [ -s port ] && break; sleep .1; done
cat port
