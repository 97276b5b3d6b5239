# fish completion of kadm: kadm itself says what may come next.

function __kadm_complete
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($before[1] __complete -- $before[2..-1] $typed 2>/dev/null)
        if test "$line" = :files
            set -l value (string replace -r '^--[^=]+=' '' -- $typed)
            set -l kept (string sub -l (math (string length -- $typed) - (string length -- $value)) -- $typed)
            printf '%s\n' $kept(__fish_complete_path $value)
        else
            echo $line
        end
    end
end

complete -c kadm -f -a '(__kadm_complete)'
