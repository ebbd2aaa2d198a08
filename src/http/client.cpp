// http::client: see client.hpp.
#include <portico/http/client.hpp>

#include "http/connecting.hpp"
#include "http/decoder.hpp"
#include "http/decoding_receiver.hpp"
#include "http/pool.hpp"
#include <algorithm>
#include <portico/core/deadline.hpp>
#include <portico/http/international.hpp>
#include <portico/http/netrc.hpp>
#include <portico/version.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

bool is_redirect(int status) noexcept
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_safe(const std::string& method) noexcept
{
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool same_origin(const url& left, const url& right)
{
    return left.scheme() == right.scheme() && left.host() == right.host() && left.port() == right.port();
}

/// What is done with the head of a response.
enum class verdict { deliver, redirect, ask_again };

/// Lets through what is for the caller, and drops what the client answers itself.
class gate final : public receiver {
public:
    using judge = unique_function<verdict(const response_head&)>;
    gate(receiver& into, judge decide) : into_(into), decide_(std::move(decide)) {}

    verdict decided() const noexcept { return decided_; }
    bool has_begun() const noexcept { return begun_; }

    void on_interim(const response_head& head) override
    {
        begun_ = true;
        into_.on_interim(head);
    }
    void on_head(const response_head& head) override
    {
        begun_ = true;
        decided_ = decide_(head);
        decided_ == verdict::deliver ? into_.on_head(head) : into_.on_interim(head);
    }
    void on_data(bytes data) override
    {
        if (decided_ == verdict::deliver)
            into_.on_data(data);
    }
    bool go_on() override { return decided_ == verdict::deliver && into_.go_on(); }
    void on_end(const fields& trailers) override
    {
        if (decided_ == verdict::deliver)
            into_.on_end(trailers);
    }
    int direct_output() override { return decided_ == verdict::deliver ? into_.direct_output() : -1; }
    void on_moved(std::uint64_t count) override { into_.on_moved(count); }
    /// What is dropped is not waited for: it may never end.
    bool is_done() const override { return decided_ != verdict::deliver || into_.is_done(); }

private:
    receiver& into_;
    judge decide_;
    verdict decided_ = verdict::deliver;
    bool begun_ = false;
};

} // namespace

client_options::client_options() : user_agent(std::string("portico/") + version)
{
    tls.application_protocols = {"http/1.1"};
    proxy_tls.application_protocols = {"http/1.1"};
}

class client::implementation {
public:
    explicit implementation(client_options chosen)
        : options(std::move(chosen)), connecting{options, {}, {}},
          connections(options.connections, options.connections_per_host, options.idle_timeout)
    {}

    class fetching;

    client_options options;
    connector connecting;
    pool connections;
    cookie_jar cookies;
};

/// One request of the caller's, and the requests that come of it.
class client::implementation::fetching {
public:
    fetching(implementation& whole, url from, request_options how, receiver& into, context& own)
        : in_(whole), own_(own), how_(std::move(how)), into_(into), where_(from), first_(std::move(from)),
          begin_(own.now())
    {
        log_in();
    }

    task<response_facts> run()
    {
        for (;;) {
            via_ = in_.options.proxies.for_url(where_);
            proxy_login_ = authenticator(via_ ? via_->login() : std::nullopt, how_.proxy_scheme, {}, "Proxy-Authenticate");
            const verdict found = co_await ask_until_answered();
            if (found == verdict::deliver)
                break;
            follow();
        }
        facts_.effective_url = where_.to_string();
        co_return std::move(facts_);
    }

private:
    /// Asks until the server is content with who asks.
    task<verdict> ask_until_answered()
    {
        for (;;) {
            const verdict found = co_await ask();
            if (found != verdict::ask_again)
                co_return found;
        }
    }

    /// One exchange, or two where the first one met a kept connection that the server had closed.
    task<verdict> ask()
    {
        const route way(where_, via_, how_.tunnel);
        asks_proxy_ = way.is_asked_of_proxy();
        bool fresh = false;
        for (;;) {
            pool::lease place = co_await in_.connections.acquire(way.name(), fresh);
            if (!place.stream) {
                connection made = co_await in_.connecting.connect(way, proxy_login_, facts_, begin_);
                place.stream.emplace(std::move(made));
            }
            place.stream->timeout(in_.options.timeout);
            gate filter(into_, [this](const response_head& head) { return judge(head); });
            const request asking = make_request(way.is_asked_of_proxy());
            if (in_.options.on_request)
                in_.options.on_request(asking);
            exchange_options how;
            how.most = in_.options.most;
            how.speed = how_.speed;
            how.parsing = how_.parsing;
            auto outcome = co_await as_result(exchange(*place.stream, asking, filter, how));
            if (outcome) {
                if (*outcome == reuse::yes)
                    place.keep();
                co_return filter.decided();
            }
            if (!place.is_used() || filter.has_begun() || !is_safe(how_.method) || !was_closed(outcome.error()))
                outcome.error().raise();
            fresh = true;
        }
    }

    /// Whether the failure is that of a kept connection which the server had closed meanwhile.
    static bool was_closed(const error& failure)
    {
        return failure.code() == std::errc::connection_reset || failure.code() == std::errc::broken_pipe
               || failure.code() == std::errc::connection_aborted || failure.operation() == "wait for a response";
    }

    request make_request(bool of_proxy)
    {
        const std::string path = facts_.redirects == 0 && !how_.target.empty() ? how_.target : where_.target();
        request result(how_.method, of_proxy ? where_.scheme() + "://" + where_.authority() + path : path);
        result.minor_version(how_.http10 ? 0 : 1);
        fields& own = result.fields();
        own.add("Host", where_.authority());
        if (may_have_secrets() || netrc_login_)
            if (auto value = login_.field(how_.method, result.target(), own_.backend()))
                own.add("Authorization", std::move(*value));
        if (of_proxy)
            if (auto value = proxy_login_.field(how_.method, result.target(), own_.backend()))
                own.add("Proxy-Authorization", std::move(*value));
        own.add("User-Agent", in_.options.user_agent);
        own.add("Accept", "*/*");
        if (how_.decode)
            own.add("Accept-Encoding", std::string(accepted_codings));
        if (how_.parsing.transfer_codings) {
            own.add("TE", "gzip, deflate");
            own.add("Connection", "TE");
        }
        if (of_proxy)
            own.add("Proxy-Connection", "Keep-Alive");
        if (how_.http10)
            own.add("Connection", "close");
        add_the_callers(own, of_proxy);
        return result;
    }

    void add_the_callers(fields& to, bool of_proxy)
    {
        std::string sent = in_.cookies.header_for(cookie_place(), now());
        for (const auto& [name, value] : how_.fields) {
            const bool is_secret = text::equals_ignoring_case(name, "Authorization") || text::equals_ignoring_case(name, "Cookie")
                                   || text::equals_ignoring_case(name, "Host");
            if (is_secret && !may_have_secrets())
                continue;
            if (text::equals_ignoring_case(name, "Proxy-Authorization") && !of_proxy)
                continue; // in the clear, or to the wrong one
            if (text::equals_ignoring_case(name, "Cookie"))
                sent += (sent.empty() ? "" : "; ") + value;
            else if (is_own(name))
                to.set(name, value);
            else
                to.add(name, value);
        }
        const bool leaks = where_.scheme() == "http" && referrer_.starts_with("https:"); // RFC 9110 section 10.1.3
        if (how_.refer_redirects && facts_.redirects != 0 && !leaks)
            to.set("Referer", referrer_);
        for (const std::string& name : how_.without)
            to.remove(name);
        if (!sent.empty())
            to.add("Cookie", std::move(sent));
        if (in_.options.user_agent.empty() && to.find("User-Agent") == std::string_view())
            to.remove("User-Agent");
    }

    /// Whose cookies they are: a Host field of the caller's says it, as the server knows itself by that name.
    url cookie_place() const
    {
        const auto host = how_.fields.find("Host");
        if (!host || !may_have_secrets())
            return where_;
        try {
            return url(where_.scheme() + "://" + std::string(*host) + where_.path());
        } catch (const error&) {
            return where_;
        }
    }

    /// Of the fields that the client makes itself, the caller's takes the place.
    static bool is_own(std::string_view name)
    {
        constexpr std::string_view names[] = {"Host", "Authorization", "Proxy-Authorization", "User-Agent", "Accept",
                                              "Accept-Encoding", "Proxy-Connection", "Connection"};
        return std::ranges::any_of(names, [&](std::string_view each) { return text::equals_ignoring_case(each, name); });
    }

    verdict judge(const response_head& head)
    {
        if (facts_.first_byte == duration::zero())
            facts_.first_byte = own_.now() - begin_;
        facts_.status = head.status;
        for (const std::string_view each : head.fields.all("Set-Cookie"))
            in_.cookies.store(cookie_place(), each, now());
        if (head.status == 401 && login_.learn(head.fields))
            return verdict::ask_again;
        if (head.status == 407 && asks_proxy_ && proxy_login_.learn(head.fields))
            return verdict::ask_again;
        const auto location = head.fields.find("Location");
        if (!how_.follow_redirects || !is_redirect(head.status) || !location || location->empty())
            return verdict::deliver;
        for (const std::string_view other : head.fields.all("Location"))
            if (other != *location)
                throw protocol_error(errc::malformed, "read response", "it leads to two places: " + text::escape(*location)
                                                                       + ", " + text::escape(other));
        location_ = *location;
        if (head.status == 303 && how_.method != "HEAD")
            how_.method = "GET";
        return verdict::redirect;
    }

    url check_redirect(std::string_view location) const
    {
        const auto refuse = [&](errc why, std::string detail) {
            throw error(why, "redirect", text::escape(location, 200), phase::none, std::move(detail));
        };
        if (facts_.redirects >= how_.redirects)
            refuse(errc::limit_exceeded, "there were more than " + std::to_string(how_.redirects) + " redirects");
        url next = resolve(where_, location);
        if (next.scheme() != "http" && next.scheme() != "https")
            refuse(errc::refused, "only http and https are followed");
        if (where_.scheme() == "https" && next.scheme() == "http" && !how_.allow_downgrade)
            refuse(errc::refused, "it leads from https to http, where others can read and change what comes");
        return next;
    }

    void follow()
    {
        url next = check_redirect(location_);
        ++facts_.redirects;
        referrer_ = where_.to_string();
        referrer_.resize(std::min(referrer_.find('#'), referrer_.size()));
        const bool stays = same_origin(where_, next);
        where_ = std::move(next);
        if (!stays || where_.userinfo())
            log_in();
    }

    /// Whether what was given for the origin of the first URL may go to this one.
    bool may_have_secrets() const { return how_.trust_redirects || same_origin(first_, where_); }

    void log_in()
    {
        std::optional<login> who;
        netrc_login_ = false;
        if (may_have_secrets())
            who = how_.login;
        if (!who && where_.userinfo())
            who = login(where_.user(), where_.password());
        if (in_.options.netrc && (!who || who->password.empty())) {
            auto found = netrc_for(where_, who ? who->user : std::string());
            netrc_login_ = found.has_value();
            if (found)
                who = std::move(found);
        }
        netrc_login_ = netrc_login_ || where_.userinfo().has_value();
        login_ = authenticator(std::move(who), how_.scheme, may_have_secrets() ? how_.bearer : std::string(), "WWW-Authenticate");
    }

    /// A redirect must not be a way to somebody's password: elsewhere it takes https, and an entry for that very host.
    std::optional<login> netrc_for(const url& to, const std::string& user) const
    {
        auto found = netrc_login(*in_.options.netrc, to.host(), user);
        if (may_have_secrets() || !found)
            return found;
        const bool is_default = netrc_login(*in_.options.netrc, "", user) == found;
        return to.scheme() == "https" && !is_default ? found : std::nullopt;
    }

    std::chrono::sys_seconds now() const
    {
        return std::chrono::floor<std::chrono::seconds>(own_.backend().wall_time());
    }

    implementation& in_;
    context& own_;
    request_options how_;
    receiver& into_;
    url where_, first_;
    std::string location_; // where the last response leads to
    std::optional<proxy> via_;
    authenticator login_, proxy_login_;
    bool netrc_login_ = false; // the login is for this origin, whatever the first one was
    bool asks_proxy_ = false; // itself: what comes through a tunnel is the server's
    std::string referrer_;
    time_point begin_;
    response_facts facts_;
};

client::client(client_options options) : self_(std::make_unique<implementation>(std::move(options))) {}
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

task<response_facts> client::get(url from, request_options how, receiver& into)
{
    context& own = co_await this_context();
    if (from.scheme() != "http" && from.scheme() != "https")
        throw error(errc::malformed, "parse URL", from.to_string(), phase::none, "only http and https can be asked for");
    decoding_receiver decoding(into, how.decode, how.parsing.transfer_codings, how.most_bytes);
    implementation::fetching all(*self_, std::move(from), std::move(how), decoding, own);
    co_return co_await all.run();
}

cookie_jar& client::cookies() noexcept
{
    return self_->cookies;
}

std::size_t client::connections() const noexcept
{
    return self_->connections.size();
}

void client::close_idle() noexcept
{
    self_->connections.close_idle();
}

} // namespace portico::http
