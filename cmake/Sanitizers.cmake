# SPDX-License-Identifier: Apache-2.0
if(BAREVIP_SANITIZE)
  add_compile_options(-fsanitize=${BAREVIP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BAREVIP_SANITIZE})
endif()
