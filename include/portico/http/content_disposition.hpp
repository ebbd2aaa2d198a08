// Names for files that are downloaded: from Content-Disposition (RFC 6266) or the URL, and made safe.
#pragma once

#include <optional>
#include <portico/wire/url.hpp>
#include <string>
#include <string_view>

namespace portico::inline v0_1::http {

/// The name that a Content-Disposition field gives, in UTF-8: that of `filename*` (RFC 8187: UTF-8 or ISO-8859-1), or
/// else of `filename`, which is taken for ISO-8859-1 if it is not UTF-8. Nothing if it gives none.
/// As browsers do, it accepts a missing type, a name without quotation marks, and a mark that is never closed.
/// It is what the server says: `safe_file_name` makes a name for a file of it.
std::optional<std::string> file_name_of(std::string_view content_disposition);

/// A name that was chosen by somebody else, as one that a file may have: what follows the last `/` or `\`, without
/// blanks around it and without dots behind it. Control characters (C0, DEL, C1), bytes that are not UTF-8, characters
/// that break lines or turn the direction of text around, and a `.` or `-` in front each become `_`. Of more than 200
/// bytes the middle is left out, so that there is room for suffixes; an extension of up to 16 bytes stays.
/// One that would be taken for a part of a download (`.part`, `.part.meta`) gets a `_` behind.
/// Empty if nothing is left, as of `..`: the caller has a name of his own then.
std::string safe_file_name(std::string_view name);

/// The name under which a download of this URL is saved: the last segment of its path that is not empty, decoded and
/// made safe as above, or `index.html`. Because the user has chosen the URL, a `.` or `-` in front stays. Where a
/// server has chosen it (a redirect), take `safe_file_name` of the result.
std::string file_name(const url& of);

} // namespace portico::http
