# cmake --install: the binary, the units, the system user, documentation with the example configurations. Nothing goes to
# /etc, so that an upgrade overwrites no configuration. Configure with -DCMAKE_INSTALL_PREFIX=/usr for a distribution.
foreach(name outrider@.service outrider-observer.service)
  file(READ packaging/${name} unit)
  string(REPLACE "/usr/bin/outrider" "${CMAKE_INSTALL_FULL_BINDIR}/outrider" unit "${unit}")
  string(REPLACE "/usr/share/doc/outrider" "${CMAKE_INSTALL_FULL_DOCDIR}" unit "${unit}")
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${name} CONTENT "${unit}" @ONLY)
endforeach()

install(TARGETS outrider RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT agent)
install(FILES ${PROJECT_BINARY_DIR}/outrider@.service ${PROJECT_BINARY_DIR}/outrider-observer.service
              packaging/outrider@.socket packaging/outrider-http@.socket
  DESTINATION lib/systemd/system COMPONENT systemd)
install(FILES packaging/outrider.sysusers DESTINATION lib/sysusers.d RENAME outrider.conf COMPONENT systemd)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc FILES_MATCHING PATTERN "*.md")
install(PROGRAMS docs/etcd-roles DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc)
install(FILES conf/outrider.yaml conf/container.yaml conf/observer.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT doc)
