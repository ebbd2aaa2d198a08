// intrusive_list: a doubly linked list whose links live in its elements. It owns nothing and allocates nothing.
#pragma once

namespace portico::inline v0_1::detail {

template <class T, class Tag>
class intrusive_list;

/// The links of an element; `Tag` tells apart the lists that one object can be in. Destruction unlinks.
template <class Tag>
class list_node {
public:
    list_node() = default;
    list_node(const list_node&) = delete;
    list_node& operator=(const list_node&) = delete;

    bool is_linked() const noexcept { return next_ != nullptr; }
    void unlink() noexcept
    {
        if (next_ == nullptr)
            return;
        previous_->next_ = next_;
        next_->previous_ = previous_;
        next_ = previous_ = nullptr;
    }

protected:
    ~list_node() { unlink(); }

private:
    template <class, class>
    friend class intrusive_list;
    list_node* next_ = nullptr;
    list_node* previous_ = nullptr;
};

template <class T, class Tag>
class intrusive_list : private list_node<Tag> {
    using node = list_node<Tag>;

public:
    intrusive_list() noexcept { reset(); }
    ~intrusive_list()
    {
        while (!empty())
            node::next_->unlink();
        node::next_ = node::previous_ = nullptr;
    }

    bool empty() const noexcept { return node::next_ == this; }
    T& front() noexcept { return element(node::next_); }
    void push_back(T& value) noexcept
    {
        node& link = value;
        link.next_ = this;
        link.previous_ = node::previous_;
        node::previous_->next_ = &link;
        node::previous_ = &link;
    }
    T& pop_front() noexcept
    {
        T& value = front();
        static_cast<node&>(value).unlink();
        return value;
    }

    /// Moves every element of `other` to the end of this list.
    void splice(intrusive_list& other) noexcept
    {
        if (other.empty())
            return;
        node::previous_->next_ = other.next_;
        other.next_->previous_ = node::previous_;
        node::previous_ = other.previous_;
        other.previous_->next_ = this;
        other.reset();
    }

    /// Calls `visit` with each element, which may unlink the element that it is given and no other.
    template <class F>
    void for_each(F&& visit)
    {
        for (node* link = node::next_; link != this;) {
            node* const following = link->next_;
            visit(element(link));
            link = following;
        }
    }

private:
    void reset() noexcept { node::next_ = node::previous_ = this; }
    static T& element(node* link) noexcept { return static_cast<T&>(*link); }
};

} // namespace portico::detail
