# SPDX-License-Identifier: Apache-2.0
if(BAREVIP_SANITIZE)
  add_compile_options(-fsanitize=${BAREVIP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BAREVIP_SANITIZE})
endif()
if(BAREVIP_FUZZERS)
  # The libraries too tell the fuzzer which branches an input took.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
