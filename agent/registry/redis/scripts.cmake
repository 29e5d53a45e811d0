# The script becomes two arrays of the program: what is sent to Redis is the file as it stands, once with a first line that lets
# it write when the server's memory is full.
set(file ${CMAKE_CURRENT_SOURCE_DIR}/registry/redis/registry.lua)
file(READ ${file} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/registry_redis_scripts.c CONTENT
  "#include \"redis_registry_internal.h\"
const char redis_registry_script[] = {${bytes}0};
" @ONLY)
target_sources(outrider_registry_redis PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/registry_redis_scripts.c)
target_include_directories(outrider_registry_redis PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/registry/redis)
