# Sourced by what calls swift: options of every build, in the array `options`.
#
#   DEBUG_INFO=1   with debug information and an index, for debuggers and editors
#   SWIFT_FLAGS    more options, such as `-j 2`
#
# Without index and debug information a build from nothing takes about a fifth less. All callers build with the same
# options: other options would make everything anew.
read -ra options <<<"${SWIFT_FLAGS:-}"
[ -n "${DEBUG_INFO:-}" ] || options+=(--disable-index-store -debug-info-format none)
