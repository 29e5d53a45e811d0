# Warnings and hardening, each flag probed by itself: compilers differ, and a missing flag must not cost the others.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(outrider_flags INTERFACE)
target_compile_definitions(outrider_flags INTERFACE _GNU_SOURCE)
target_include_directories(outrider_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)

function(outrider_compile_flag flag)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
  check_c_compiler_flag("${flag}" ${have})
  if(${have})
    target_compile_options(outrider_flags INTERFACE "${flag}")
  endif()
endfunction()

function(outrider_link_flag flag)
  string(MAKE_C_IDENTIFIER "LINK${flag}" have)
  check_linker_flag(C "${flag}" ${have})
  if(${have})
    target_link_options(outrider_flags INTERFACE "${flag}")
  endif()
endfunction()

foreach(flag -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wformat-security
             -Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wcast-align
             -Wcast-qual -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wdouble-promotion -Wnull-dereference
             -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
  outrider_compile_flag(${flag})
endforeach()
if(OUTRIDER_WERROR)
  outrider_compile_flag(-Werror)
endif()

if(OUTRIDER_SANITIZE)
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(outrider_flags INTERFACE ${sanitize} -O1 -g)
  target_link_options(outrider_flags INTERFACE ${sanitize})
elseif(OUTRIDER_HARDENING AND NOT OUTRIDER_COVERAGE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  check_c_compiler_flag("-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3" HAVE_FORTIFY_3)
  target_compile_options(outrider_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$<IF:$<BOOL:${HAVE_FORTIFY_3}>,3,2>)
  foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
               -mbranch-protection=standard -fstrict-flex-arrays=3 -ftrivial-auto-var-init=zero
               -fno-delete-null-pointer-checks -fno-strict-overflow)
    outrider_compile_flag(${flag})
  endforeach()
  foreach(flag -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen -Wl,--as-needed)
    outrider_link_flag(${flag})
  endforeach()
endif()
if(OUTRIDER_COVERAGE)
  target_compile_options(outrider_flags INTERFACE --coverage -O0 -g)
  target_link_options(outrider_flags INTERFACE --coverage)
endif()
