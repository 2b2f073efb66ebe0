#!/bin/sh
# Makes the keys anew, and what the real age wraps for them. They open nothing but these tests.
set -eu
cd "$(dirname "$0")"
rm -f ed25519* rsa* locked* identity* data*
ssh-keygen -q -t ed25519 -N '' -C alice@example.org -f ed25519
ssh-keygen -q -t rsa -b 2048 -N '' -C bob@example.org -f rsa
ssh-keygen -q -t ed25519 -a 4 -N 'open sesame' -C carol@example.org -f locked
ssh-keygen -q -t ecdsa -N '' -C dave@example.org -f ecdsa
age-keygen -o identity 2>/dev/null
age-keygen -y identity > identity.pub
# age asks on a terminal only.
(sleep 1; echo 'open sesame'; sleep 1; echo 'open sesame'; sleep 3) |
  script -qec 'age -p -o identity.locked identity' /dev/null
printf 'thirty-two bytes are a data key.' > data
for key in ed25519 rsa locked identity; do
  age -R $key.pub -o $key.wrapped data
done
