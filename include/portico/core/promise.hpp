// promise_base: what every task's coroutine frame knows: who awaits it, in which scope it runs, and where it waits.
#pragma once

#include <coroutine>
#include <cstddef>
#include <portico/core/intrusive_list.hpp>
#include <portico/core/memory_pool.hpp>
#include <source_location>

namespace portico::inline v0_1 {

class cancel_scope;
class context;

namespace detail {

struct promise_base;

/// Who is told that a task without a parent has ended, and destroys it.
class task_owner {
public:
    virtual void on_done(promise_base& ended) noexcept = 0;

protected:
    ~task_owner() = default;
};

struct promise_base : list_node<struct root_tag> {
    promise_base* parent = nullptr; ///< the task that awaits this one; null for one that a task_owner started
    task_owner* owner = nullptr;    ///< set where there is no parent
    cancel_scope* scope = nullptr;
    std::source_location where; ///< the `co_await` at which it waits

    /// The coroutine. Every task's promise begins with its promise_base, and task.hpp sees to the alignment.
    std::coroutine_handle<promise_base> handle() noexcept
    {
        return std::coroutine_handle<promise_base>::from_promise(*this);
    }

    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* block, std::size_t size) noexcept { pool_release(block, size); }

    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
};

/// Resumes a task and, as each ends, the one that awaits it: a loop in place of symmetric transfer, which is no tail
/// call in unoptimised and sanitizer builds and overflows the stack there.
void resume(promise_base& which) noexcept;

} // namespace detail
} // namespace portico
