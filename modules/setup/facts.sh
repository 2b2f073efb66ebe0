# what is this host? COLLECTORS FACT_PATH TIMEOUT
# Each section begins with a line `@@ name`. Builtins are preferred: a fork costs a millisecond.
want() { for name in "$@"; do case " $collectors " in *" $name "*) return 0 ;; esac; done; return 1; }
part() { printf '\n@@ %s\n' "$1"; }
show() { [ -r "$2" ] || return 0; part "$1"; cat -- "$2" 2>/dev/null; }
line() { if [ -r "$2" ] && IFS= read -r text 2>/dev/null <"$2"; then printf '%s=%s\n' "$1" "$text"; fi; }
have() { command -v "$1" >/dev/null; }
collectors=$1 fact_path=$2 limit=$3
within() { if have timeout; then timeout "$limit" "$@"; else "$@"; fi; }

if want distribution; then
    show os-release /etc/os-release
    for file in debian_version alpine-release redhat-release; do show "$file" "/etc/$file"; done
fi
if want platform; then
    part uname; uname -snrm; uname -v
    part names
    node=$(uname -n)
    if have getent; then
        # The canonical name of the first address of the node's name, and its other names.
        address=$(getent ahosts "$node" 2>/dev/null)
        address=${address%%[[:space:]]*}
        [ -z "$address" ] || getent hosts "$address" 2>/dev/null
    else
        printf '? %s\n' "$(hostname -f 2>/dev/null)"
    fi
fi
part misc
if want platform; then
    line machine_id /etc/machine-id
    [ -r /etc/machine-id ] || line machine_id /var/lib/dbus/machine-id
fi
! want fips || line fips /proc/sys/crypto/fips_enabled
if want service_mgr; then
    line init /proc/1/comm
    for file in /sbin/openrc /etc/init.d /etc/init; do [ ! -e "$file" ] || printf 'has=%s\n' "$file"; done
fi
if want selinux; then
    line selinux /sys/fs/selinux/enforce
    line selinux_policy /sys/fs/selinux/policyvers
    if [ -r /etc/selinux/config ]; then
        while IFS== read -r key value; do
            case $key in SELINUX | SELINUXTYPE) printf 'config_%s=%s\n' "$key" "$value" ;; esac
        done </etc/selinux/config
    fi
    for file in /lib/*/libselinux.so.1 /usr/lib/libselinux.so.1 /usr/lib64/libselinux.so.1 /usr/lib/*/libselinux.so.1; do
        if [ -e "$file" ]; then echo libselinux=yes; break; fi
    done
fi
if want apparmor; then [ ! -d /sys/kernel/security/apparmor ] || echo apparmor=enabled; fi
if want chroot; then [ ! -d /proc/1/root/. ] || [ / -ef /proc/1/root/. ] || echo chroot=yes; fi
if want user; then
    id=$(id -u)
    printf 'ids=%s %s %s %s\n' "$id" "$(id -ru)" "$(id -g)" "$(id -rg)"
    printf 'passwd=%s\n' "$(getent passwd "$id" 2>/dev/null || grep -m1 "^[^:]*:[^:]*:$id:" /etc/passwd)"
fi
if want systemd && have systemctl && [ -d /run/systemd/system ]; then
    printf 'systemd=%s\n' "$(systemctl --version | tr '\n' ' ')"
fi
if want python platform && have python3; then
    printf 'python=%s\n' "$(within python3 -c 'import sys; v = sys.version_info; print(sys.executable, *v, sys.implementation.name)' 2>/dev/null)"
fi
if want caps && have capsh; then
    capsh --print 2>/dev/null | while read -r key value; do
        [ "$key" != Current: ] || printf 'caps=%s\n' "$value"
    done
fi
if want iscsi; then line iscsi /etc/iscsi/initiatorname.iscsi; fi
if want nvme; then line nvme /etc/nvme/hostnqn; fi
if want loadavg; then line loadavg /proc/loadavg; fi
if want date_time; then part date; date '+%Y|%m|%d|%H|%M|%S|%s|%A|%w|%W|%Z|%z'; date -u '+%Y-%m-%dT%H:%M:%S|%N'; fi
if want cmdline; then show cmdline /proc/cmdline; fi
if want dns; then show resolv.conf /etc/resolv.conf; fi
if want env; then part env; env; fi
if want ssh_pub_keys; then
    part ssh
    for kind in dsa rsa ecdsa ed25519; do line "$kind" "/etc/ssh/ssh_host_${kind}_key.pub"; done
fi
if want lsb; then
    show lsb-release /etc/lsb-release
    if have lsb_release; then part lsb; within lsb_release -a 2>/dev/null; fi
fi
if want local; then
    for file in "$fact_path"/*.fact; do
        [ -f "$file" ] || continue
        name=${file##*/}
        part "fact ${name%.fact}"
        if [ -x "$file" ]; then
            { said=$(within "$file" </dev/null 2>&1 >&3); code=$?; } 3>&1
            [ "$code" = 0 ] || printf '\n@@failed %s\n%s' "$code" "$said"
        else
            cat -- "$file" 2>/dev/null
        fi
    done
fi

if want hardware; then
    part cpuinfo
    grep -E '^(processor|vendor_id|model name|physical id|siblings|cpu cores|core id|Processor|Hardware|cpu model)[[:space:]]*:' /proc/cpuinfo
    part flags; grep -m1 -E '^(flags|Features)[[:space:]]*:' /proc/cpuinfo
    part nproc; nproc 2>/dev/null
    show meminfo /proc/meminfo
    part uptime; line uptime /proc/uptime
    part dmi
    for name in product_name product_serial product_uuid product_version sys_vendor bios_date bios_vendor bios_version \
        board_asset_tag board_name board_serial board_vendor board_version chassis_asset_tag chassis_serial chassis_type \
        chassis_vendor chassis_version; do
        line "$name" "/sys/class/dmi/id/$name"
    done
    show mountinfo /proc/self/mountinfo
    part mounts
    while read -r device mount kind options rest; do
        case $device in /* | *:/*) ;; *) continue ;; esac
        mount=$(printf '%b' "$mount")
        sizes=$(within stat -f -c '%a %b %S %s %c %d' -- "$mount" 2>/dev/null)
        printf '%s|%s|%s|%s|%s\n' "$device" "$mount" "$kind" "$options" "$sizes"
    done </proc/mounts
    part disk-links
    for kind in id uuid label; do
        [ ! -d "/dev/disk/by-$kind" ] || { echo "kind=$kind"; ls -l "/dev/disk/by-$kind"; }
    done
    for slave in /sys/block/*/slaves/*; do
        [ -e "$slave" ] || continue
        disk=${slave%/slaves/*}
        printf 'master=%s %s\n' "${disk##*/}" "${slave##*/}"
    done
    if have lspci; then part lspci; within lspci -D 2>/dev/null; fi
    part devices
    for device in /sys/block/*; do
        [ -e "$device/size" ] || continue
        echo "disk=${device##*/}"
        line size "$device/size"; line removable "$device/removable"; line rotational "$device/queue/rotational"
        line sectorsize "$device/queue/hw_sector_size"; line model "$device/device/model"; line vendor "$device/device/vendor"
        line scheduler "$device/queue/scheduler"; line support_discard "$device/queue/discard_granularity"
        line sas_address "$device/device/sas_address"; line sas_device_handle "$device/device/sas_device_handle"
        line serial "$device/device/serial"
        ! have lspci || printf 'path=%s\n' "$(readlink -f "$device")"
        for holder in "$device"/holders/*; do
            [ -e "$holder" ] || continue
            line holder "$holder/dm/name"; [ -r "$holder/dm/name" ] || echo "holder=${holder##*/}"
        done
        for partition in "$device"/*/partition; do
            [ -e "$partition" ] || continue
            partition=${partition%/partition}
            echo "partition=${partition##*/}"
            line size "$partition/size"; line start "$partition/start"
            for holder in "$partition"/holders/*; do
                [ -e "$holder" ] || continue
                line holder "$holder/dm/name"; [ -r "$holder/dm/name" ] || echo "holder=${holder##*/}"
            done
        done
    done
    if have vgs && [ "$(id -u)" = 0 ]; then
        for kind in vgs lvs pvs; do
            part "$kind"; within "$kind" --noheadings --nosuffix --units g --separator , 2>/dev/null
        done
    fi
fi

if want fibre_channel_wwn; then
    part fibre
    for file in /sys/class/fc_host/*/port_name; do line wwn "$file"; done
fi

if want network; then
    part interfaces
    for device in /sys/class/net/*; do
        [ -d "$device" ] || continue
        echo "interface=${device##*/}"
        line mac "$device/address"; line mtu "$device/mtu"; line state "$device/operstate"
        line type "$device/type"; line flags "$device/flags"; line speed "$device/speed"
        if [ -e "$device/device" ]; then
            path=$(readlink "$device/device"); echo "pciid=${path##*/}"
            path=$(readlink "$device/device/driver/module"); [ -z "$path" ] || echo "module=${path##*/}"
        fi
        if [ -d "$device/bridge" ]; then
            echo kind=bridge
            line bridge_id "$device/bridge/bridge_id"; line stp "$device/bridge/stp_state"
            for member in "$device"/brif/*; do [ ! -e "$member" ] || echo "member=${member##*/}"; done
        fi
        if [ -d "$device/bonding" ]; then
            echo kind=bonding
            line slaves "$device/bonding/slaves"; line mode "$device/bonding/mode"; line miimon "$device/bonding/miimon"
            line lacp_rate "$device/bonding/lacp_rate"; line primary "$device/bonding/primary"
        fi
    done
    if have ip; then
        part addresses; ip -o addr show 2>/dev/null
        part route4; ip -4 route get 8.8.8.8 2>/dev/null
        part route6; ip -6 route get 2404:6800:400a:800::1012 2>/dev/null
        part reachable4; ip -4 route show table local 2>/dev/null
        part reachable6; ip -6 route show table local 2>/dev/null
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
