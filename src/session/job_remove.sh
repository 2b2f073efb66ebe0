# directory id: forgets a job
rm -f -- "$1/$2" "$1/.$2.about" "$1/.$2.in" "$1/.$2.out" "$1/.$2.err" "$1/.$2.late"
