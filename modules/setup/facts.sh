# what is this host? SUBSETS FACT_PATH TIMEOUT
# Each section begins with a line `@@ name`. Builtins are preferred: a fork costs a millisecond.
want() { case " $subsets " in *" $1 "*) ;; *) return 1 ;; esac; }
part() { printf '\n@@ %s\n' "$1"; }
show() { [ -r "$2" ] || return 0; part "$1"; cat -- "$2" 2>/dev/null; }
line() { if [ -r "$2" ] && IFS= read -r text 2>/dev/null <"$2"; then printf '%s=%s\n' "$1" "$text"; fi; }
subsets=$1 fact_path=$2 limit=$3
within() { if command -v timeout >/dev/null; then timeout "$limit" "$@"; else "$@"; fi; }

if want min; then
    show os-release /etc/os-release
    for file in debian_version alpine-release redhat-release lsb-release; do show "$file" "/etc/$file"; done
    part uname; uname -snrm; uname -v
    part misc
    printf 'fqdn=%s\n' "$(hostname -f 2>/dev/null)"
    line machine_id /etc/machine-id
    line fips /proc/sys/crypto/fips_enabled
    line init /proc/1/comm
    line selinux /sys/fs/selinux/enforce
    [ ! -d /sys/kernel/security/apparmor ] || echo apparmor=enabled
    [ ! -d /proc/1/root/. ] || [ / -ef /proc/1/root/. ] || echo chroot=yes
    printf 'ids=%s %s %s %s\n' "$(id -u)" "$(id -ru)" "$(id -g)" "$(id -rg)"
    id=$(id -u)
    printf 'passwd=%s\n' "$(getent passwd "$id" 2>/dev/null || grep -m1 "^[^:]*:[^:]*:$id:" /etc/passwd)"
    if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
        printf 'systemd=%s\n' "$(systemctl --version | tr '\n' ' ')"
    fi
    if command -v python3 >/dev/null; then
        printf 'python=%s\n' "$(within python3 -c 'import sys; v = sys.version_info; print(sys.executable, *v, sys.implementation.name)' 2>/dev/null)"
    fi
    part date; date '+%Y|%m|%d|%H|%M|%S|%s|%A|%w|%W|%Z|%z'; date -u '+%Y-%m-%dT%H:%M:%S|%N'
    show cmdline /proc/cmdline
    show resolv.conf /etc/resolv.conf
    part env; env
    part ssh
    for kind in dsa rsa ecdsa ed25519; do line "$kind" "/etc/ssh/ssh_host_${kind}_key.pub"; done
    if command -v lsb_release >/dev/null; then part lsb; within lsb_release -a 2>/dev/null; fi
    for file in "$fact_path"/*.fact; do
        [ -f "$file" ] || continue
        name=${file##*/}
        part "fact ${name%.fact}"
        if [ -x "$file" ]; then within "$file" </dev/null 2>/dev/null || printf '@@failed %s' "$?"; else cat -- "$file" 2>/dev/null; fi
    done
fi

if want hardware; then
    part cpuinfo
    grep -E '^(processor|vendor_id|model name|physical id|siblings|cpu cores|core id|Processor|Hardware|cpu model)[[:space:]]*:' /proc/cpuinfo
    part flags; grep -m1 -E '^(flags|Features)[[:space:]]*:' /proc/cpuinfo
    part nproc; nproc 2>/dev/null
    show meminfo /proc/meminfo
    part load; line loadavg /proc/loadavg; line uptime /proc/uptime
    part dmi
    for name in product_name product_serial product_uuid product_version sys_vendor bios_date bios_vendor bios_version \
        board_asset_tag board_name board_serial board_vendor board_version chassis_asset_tag chassis_serial chassis_type \
        chassis_vendor chassis_version; do
        line "$name" "/sys/class/dmi/id/$name"
    done
    part mounts
    while read -r device mount kind options rest; do
        case $device in /* | *:/*) ;; *) continue ;; esac
        mount=$(printf '%b' "$mount")
        sizes=$(within stat -f -c '%a %b %S %s %c %d' -- "$mount" 2>/dev/null)
        printf '%s|%s|%s|%s|%s\n' "$device" "$mount" "$kind" "$options" "$sizes"
    done </proc/mounts
    part devices
    for device in /sys/block/*; do
        [ -e "$device/size" ] || continue
        echo "disk=${device##*/}"
        line size "$device/size"; line removable "$device/removable"; line rotational "$device/queue/rotational"
        line sectorsize "$device/queue/hw_sector_size"; line model "$device/device/model"; line vendor "$device/device/vendor"
        for partition in "$device"/*/partition; do
            [ -e "$partition" ] || continue
            partition=${partition%/partition}
            echo "partition=${partition##*/}"
            line size "$partition/size"; line start "$partition/start"
        done
    done
fi

if want network; then
    part interfaces
    for device in /sys/class/net/*; do
        [ -d "$device" ] || continue
        echo "interface=${device##*/}"
        line mac "$device/address"; line mtu "$device/mtu"; line state "$device/operstate"
        line type "$device/type"; line flags "$device/flags"; line speed "$device/speed"
        [ ! -d "$device/bridge" ] || echo kind=bridge
        [ ! -d "$device/bonding" ] || echo kind=bonding
    done
    if command -v ip >/dev/null; then
        part addresses; ip -o addr show 2>/dev/null
        part route4; ip -4 route get 8.8.8.8 2>/dev/null
        part route6; ip -6 route get 2404:6800:400a:800::1012 2>/dev/null
    fi
fi

if want virtual; then
    part virtual
    printf 'detected=%s\n' "$(systemd-detect-virt 2>/dev/null)"
    line container /run/systemd/container
    [ ! -e /.dockerenv ] || echo dockerenv=yes
    [ ! -e /run/.containerenv ] || echo containerenv=yes
    [ ! -e /proc/xen ] || echo xen=yes
    [ ! -c /dev/kvm ] || echo kvm=yes
    line vendor /sys/class/dmi/id/sys_vendor; line product /sys/class/dmi/id/product_name
    grep -q -m1 '^flags.* hypervisor' /proc/cpuinfo && echo hypervisor=yes
    line cgroup /proc/1/cgroup
fi
exit 0
