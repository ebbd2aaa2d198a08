// decoding_receiver: removes content codings from a body before it is given on, and holds it to its size.
#pragma once

#include <cstdint>
#include <memory>
#include <portico/http/receiver.hpp>

namespace portico::inline v0_1::http {

class decoder;

class decoding_receiver final : public receiver {
public:
    /// Whether content codings are removed, and those of Transfer-Encoding; how many bytes may be given on.
    decoding_receiver(receiver& into, bool content, bool transfer, std::uint64_t most);
    ~decoding_receiver() override;

    void on_interim(const response_head& head) override { into_.on_interim(head); }
    void on_head(const response_head& head) override;
    void on_data(bytes data) override;
    bool go_on() override;
    void on_end(const fields& trailers) override;
    int direct_output() override { return decoder_ ? -1 : into_.direct_output(); }
    void on_moved(std::uint64_t count) override;
    bool is_done() const override { return into_.is_done(); }

private:
    void count(std::uint64_t bytes);

    receiver& into_;
    bool content_, transfer_;
    std::uint64_t most_, given_ = 0;
    std::unique_ptr<decoder> decoder_;
    bytes input_; // that is being decoded
    bool decoding_ = false;
};

} // namespace portico::http
