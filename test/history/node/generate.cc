// SPDX-License-Identifier: Apache-2.0
#include "history/node/generate.h"

#include <utility>

#include "history/generators.h"

namespace barevip::node::history {
namespace {

using barevip::history::below;
using barevip::history::halfBelow;
using barevip::history::seldom;
using rc::gen::set;

template <class Enum>
rc::Gen<Enum> any() {
  return rc::gen::map(below(Enum::kCount), [](Pick pick) { return static_cast<Enum>(pick); });
}
// The first half of the time.
template <class Enum>
rc::Gen<Enum> oftenFirst() {
  return rc::gen::map(halfBelow(Enum::kCount), [](Pick pick) { return static_cast<Enum>(pick); });
}

template <class T, class... Members>
rc::Gen<Deed> make(Members&&... members) {
  return rc::gen::map(rc::gen::build<T>(std::forward<Members>(members)...),
                      [](T deed) { return Deed(std::move(deed)); });
}
template <class T, class... Members>
rc::Gen<Deed> onNode(Members&&... members) {
  return make<T>(set(&T::node, below(kNodeCount)), std::forward<Members>(members)...);
}

rc::Gen<Pod> anyPod() {
  return rc::gen::build<Pod>(
      set(&Pod::state, rc::gen::map(rc::gen::pair(any<PodState>(), any<PodState>()),
                                    [](std::pair<PodState, PodState> two) {
                                      return two.first == PodState::kUnready ? PodState::kReady
                                                                             : two.second;
                                    })),
      set(&Pod::node, below(kNodeCount)));
}

rc::Gen<Deed> anyDeed() {
  constexpr Pick kWrites = 12;  // a VIP takes about ten
  const auto service = [] { return below(kServiceCount); };
  const auto coin = [] { return rc::gen::arbitrary<bool>(); };
  return rc::gen::weightedOneOf<Deed>(
      {{8,
        make<PutService>(
            set(&PutService::service, service()), set(&PutService::addresses, any<Addresses>()),
            set(&PutService::ports, any<Ports>()), set(&PutService::forward, oftenFirst<Forward>()),
            set(&PutService::sources, oftenFirst<Sources>()), set(&PutService::local, coin()),
            set(&PutService::sticky, seldom()), set(&PutService::hashed, seldom()))},
       {6, make<PutPods>(
               set(&PutPods::service, service()),
               set(&PutPods::pods, rc::gen::container<std::array<Pod, kEndpointCount>>(anyPod())))},
       {2, make<DeleteService>(set(&DeleteService::service, service()))},
       {1, make<LoseRecords>(set(&LoseRecords::service, service()))},
       {1, onNode<Exclude>(set(&Exclude::is, coin()))},
       {4, onNode<Break>(set(&Break::writer, any<Writer>()), set(&Break::fault, any<Fault>()),
                         set(&Break::number, below(kWrites)))},
       {3, onNode<Mend>()},
       {1, onNode<HostFindings>(set(&HostFindings::broken, coin()))},
       {1, onNode<Carrier>(set(&Carrier::down, coin()))},
       {2, onNode<Crash>(set(&Crash::writes, below(kWrites)))},
       {1, onNode<Stop>(set(&Stop::inOrder, coin()))},
       {2, onNode<Start>()},
       {1, onNode<PowerLoss>()},
       {2, onNode<Api>(set(&Api::reach, any<Reach>()))},
       {4, onNode<Tamper>(set(&Tamper::hand, any<Hand>()), set(&Tamper::number, below(kWrites)))},
       {2, onNode<PutForeign>(set(&PutForeign::what, any<Foreign>()),
                              set(&PutForeign::vip, below(kVipCount)),
                              set(&PutForeign::gone, coin()))},
       {1, make<Stranger>(set(&Stranger::vip, below(kVipCount)), set(&Stranger::gone, coin()))},
       {2, onNode<Connect>(set(&Connect::number, below(kWrites)), set(&Connect::gone, seldom()))}});
}

rc::Gen<Event> anyEvent() {
  return rc::gen::build<Event>(set(&Event::deed, anyDeed()),
                               set(&Event::wait, below(kWaits.size())));
}

}  // namespace

rc::Gen<History> anyHistory(std::size_t longest) {
  return rc::gen::build<History>(
      set(&History::host, rc::gen::map(below(3), [](Pick pick) { return pick == 2; })),
      set(&History::lacksMh, seldom()), set(&History::end, oftenFirst<End>()),
      set(&History::events, barevip::history::someEvents(longest, anyEvent())));
}

}  // namespace barevip::node::history
