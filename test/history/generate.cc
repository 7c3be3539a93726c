// SPDX-License-Identifier: Apache-2.0
#include "history/generate.h"

#include "history/generators.h"
#include "history/names.h"

namespace barevip::history {
namespace {

rc::Gen<std::vector<Pick>> someEntries(Pick most) {
  return rc::gen::mapcat(below(most + 1), [](Pick count) {
    return rc::gen::container<std::vector<Pick>>(count, below(kEntries.size()));
  });
}

template <class T>
rc::Gen<Deed> as(rc::Gen<T> gen) {
  return rc::gen::map(std::move(gen), [](T deed) { return Deed(std::move(deed)); });
}

rc::Gen<Deed> putPool() {
  return as(rc::gen::build<PutPool>(
      rc::gen::set(&PutPool::name, below(kPoolNames.size())),
      rc::gen::set(&PutPool::addresses,
                   rc::gen::map(rc::gen::pair(below(kEntries.size()), someEntries(2)),
                                [](std::pair<Pick, std::vector<Pick>> some) {
                                  some.second.insert(some.second.begin(), some.first);
                                  return std::move(some.second);
                                })),
      rc::gen::set(&PutPool::exclude, rc::gen::map(rc::gen::pair(seldom(), someEntries(2)),
                                                   [](std::pair<bool, std::vector<Pick>> some) {
                                                     return some.first ? some.second
                                                                       : std::vector<Pick>{};
                                                   })),
      rc::gen::set(&PutPool::admits, halfBelow(Admits::kCount)),
      rc::gen::set(&PutPool::priority, below(kPriorities.size())),
      rc::gen::set(&PutPool::sharing, below(kAllowSharing.size())),
      rc::gen::set(&PutPool::avoidBuggy, seldom()), rc::gen::set(&PutPool::avoidGateway, seldom()),
      rc::gen::set(&PutPool::onRequestOnly, seldom()), rc::gen::set(&PutPool::firstLast, seldom()),
      rc::gen::set(&PutPool::reuse, below(kReuseDelays.size())),
      rc::gen::set(&PutPool::limit, seldomBelow(kLimits.size())),
      rc::gen::set(&PutPool::reservations, seldom())));
}

rc::Gen<Deed> putService() {
  return as(rc::gen::build<PutService>(
      rc::gen::set(&PutService::service, below(kServiceCount)),
      rc::gen::set(&PutService::role, seldomBelow(Role::kCount)),
      rc::gen::set(&PutService::families, below(Families::kCount)),
      rc::gen::set(&PutService::request, below(Ask::kCount)),
      rc::gen::set(&PutService::pool, below(kPoolNames.size())),
      rc::gen::set(&PutService::address, below(kAddresses.size())),
      rc::gen::set(&PutService::reservation, below(kReservationNames.size())),
      rc::gen::set(&PutService::ports, below(Ports::kCount)),
      rc::gen::set(&PutService::labels, below(Labels::kCount)),
      rc::gen::set(&PutService::share, below(kShareKeys.size())),
      rc::gen::set(&PutService::selector, below(kSelectors.size())),
      rc::gen::set(&PutService::local, seldom()), rc::gen::set(&PutService::anew, seldom()),
      rc::gen::set(&PutService::team, below(static_cast<Pick>(Teams::kCount) + 1))));
}

rc::Gen<Deed> putReservation() {
  return as(rc::gen::build<PutReservation>(
      rc::gen::set(&PutReservation::reservation, below(kReservationCount)),
      rc::gen::set(&PutReservation::request, below(AskReserved::kCount)),
      rc::gen::set(&PutReservation::pool, below(kPoolNames.size())),
      rc::gen::set(&PutReservation::address, below(kAddresses.size())),
      rc::gen::set(&PutReservation::share, below(kShareKeys.size()))));
}

template <class T, class Number>
rc::Gen<Deed> pick(Pick T::*member, Number end) {
  return as(rc::gen::build<T>(rc::gen::set(member, below(end))));
}

rc::Gen<Deed> anyDeed() {
  constexpr Pick kWrites = 6;  // a Service is served by two to four writes
  return rc::gen::weightedOneOf<Deed>(
      {{8, putService()},
       {4, putPool()},
       {2, putReservation()},
       {2, pick(&DeleteService::service, kServiceCount)},
       {1, as(rc::gen::build<RestoreService>(
               rc::gen::set(&RestoreService::service, below(kServiceCount)),
               rc::gen::set(&RestoreService::address, below(kAddresses.size()))))},
       {1, pick(&DeletePool::name, kPoolNames.size())},
       {1, pick(&DeleteReservation::reservation, kReservationCount)},
       {1, as(rc::gen::build<LabelNamespace>(
               rc::gen::set(&LabelNamespace::ns, below(kNamespaceNames.size())),
               rc::gen::set(&LabelNamespace::labels, below(Teams::kCount))))},
       {1, as(rc::gen::build<ShowForeign>(
               rc::gen::set(&ShowForeign::service, below(kServiceCount)),
               rc::gen::set(&ShowForeign::address, below(kAddresses.size()))))},
       {1, pick(&DeleteRecord::record, kServiceCount)},
       {2, as(rc::gen::build<Hold>(rc::gen::set(&Hold::ip, rc::gen::arbitrary<bool>()),
                                   rc::gen::set(&Hold::number, below(kServiceCount)),
                                   rc::gen::set(&Hold::letGo, rc::gen::arbitrary<bool>())))},
       {1, pick(&DeleteNamespace::ns, kNamespaceNames.size())},
       {2, as(rc::gen::build<TamperService>(
               rc::gen::set(&TamperService::service, below(kServiceCount)),
               rc::gen::set(&TamperService::how, below(ServiceTampering::kCount)),
               rc::gen::set(&TamperService::address, below(kAddresses.size()))))},
       {2,
        as(rc::gen::build<TamperIp>(rc::gen::set(&TamperIp::ip, below(kServiceCount)),
                                    rc::gen::set(&TamperIp::how, below(IpTampering::kCount)),
                                    rc::gen::set(&TamperIp::address, below(kAddresses.size()))))},
       {1, as(rc::gen::build<ForgeRecord>(
               rc::gen::set(&ForgeRecord::service, below(kServiceCount)),
               rc::gen::set(&ForgeRecord::address, below(kAddresses.size())),
               rc::gen::set(&ForgeRecord::owner, below(ForgedOwner::kCount))))},
       {1, as(rc::gen::build<Refuse>(rc::gen::set(&Refuse::ns, below(kNamespaceNames.size())),
                                     rc::gen::set(&Refuse::statuses, seldom())))},
       {1, as(rc::gen::just(Permit{}))},
       {1, as(rc::gen::just(Restart{}))},
       {2, pick(&Crash::writes, kWrites)},
       {3, as(rc::gen::build<ChangeLeader>(rc::gen::set(&ChangeLeader::writes, below(kWrites)),
                                           rc::gen::set(&ChangeLeader::late, halfBelow(kWrites))))},
       {1, as(rc::gen::build<Workers>(
               rc::gen::set(&Workers::count,
                            rc::gen::map(below(kMostWorkers),
                                         [](Pick pick) { return static_cast<Pick>(pick + 1); }))))},
       {1, as(rc::gen::just(Stop{}))},
       {1, as(rc::gen::build<FailWrite>(
               rc::gen::set(&FailWrite::after, below(kWrites)),
               rc::gen::set(&FailWrite::fault,
                            rc::gen::element(WriteFault::kLost, WriteFault::kAnswerLost,
                                             WriteFault::kRefused))))}});
}

}  // namespace

rc::Gen<Event> anyEvent() {
  return rc::gen::build<Event>(rc::gen::set(&Event::deed, anyDeed()),
                               rc::gen::set(&Event::steps, seldomBelow(10)));
}

rc::Gen<History> anyHistory(std::size_t longest) {
  return rc::gen::build<History>(
      rc::gen::set(&History::events, someEvents(longest, anyEvent())),
      rc::gen::set(&History::schedule,
                   rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>())));
}

}  // namespace barevip::history
