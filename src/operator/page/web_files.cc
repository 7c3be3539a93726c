// SPDX-License-Identifier: Apache-2.0
#include "operator/page/web_files.h"

#include "web_files_embedded.h"

namespace barevip::controlplane {

const std::array<WebFile, 4>& webFiles() {
  static constexpr std::array<WebFile, 4> kFiles{{
      {"/", "text/html; charset=utf-8", kIndexHtml},
      {"/icon.svg", "image/svg+xml", kIconSvg},
      {"/page.js", "text/javascript; charset=utf-8", kPageJs},
      {"/style.css", "text/css; charset=utf-8", kStyleCss},
  }};
  return kFiles;
}

}  // namespace barevip::controlplane
